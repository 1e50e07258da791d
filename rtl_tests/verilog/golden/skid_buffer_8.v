// Two registers in a stream, which cut a long combinational path: its ready and valid are registers.
// A beat that arrives as the output stalls is kept in the second one.
// Ports:
//   i, o : streams of unsigned(width)
//       Beats in, and the same beats out.
// Timing:
//   Latency: 1 cycle. One beat per cycle.
// Here: width 8, latency 1.
// From hwsnn/rtl/stream/fifo.py: SkidBuffer
module skid_buffer_8 (
  input clk,
  input rst,
  input [7:0] i__payload,
  input i__valid,
  output reg i__ready,
  output reg [7:0] o__payload,
  output reg o__valid,
  input o__ready
);
  wire _00_;
  wire _01_;
  wire [7:0] _02_;
  wire _03_;
  wire _04_;
  wire _05_;
  reg [7:0] second;
  initial begin
    i__ready = 1'h1;
    o__payload = 8'h0;
    o__valid = 1'h0;
    second = 8'h0;
  end
  assign _00_ = ~ o__valid;
  assign _01_ = _00_ | o__ready;
  assign _02_ = i__ready ? i__payload : second;
  assign _03_ = ~ i__ready;
  assign _04_ = i__valid | _03_;
  always @(posedge clk)
    if (_05_) i__ready <= 1'h1;
    else if (i__valid) i__ready <= 1'h0;
  always @(posedge clk)
    if (rst) o__valid <= 1'h0;
    else if (_01_) o__valid <= _04_;
  always @(posedge clk)
    if (_01_) o__payload <= _02_;
  always @(posedge clk)
    if (i__ready) second <= i__payload;
  assign _05_ = _01_ | rst;
endmodule
