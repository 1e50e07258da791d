// A spike wherever any input of the window spikes at this step.
// Ports:
//   i : valid-only stream in of unsigned(inputs * width)
//       Bit k * width + b is bit b at the window's tap k.
//   o : valid-only stream out of unsigned(width)
//       Spikes.
// Timing:
//   Latency: 1 cycle for windows of up to 16 inputs, 2 up to 256, and so on. One beat per cycle.
// From hwsnn/rtl/window/pool.py: OrPool, width 8, inputs 4
module or_pool_8_4 (
  input clk,
  input rst,
  input [31:0] i__payload,
  input i__valid,
  output reg [7:0] o__payload,
  output reg o__valid
);
  wire [7:0] _0_;
  wire [7:0] _1_;
  wire [7:0] _2_;
  initial begin
    o__payload = 8'h0;
    o__valid = 1'h0;
  end
  assign _0_ = i__payload[7:0] | i__payload[15:8];
  assign _1_ = _0_ | i__payload[23:16];
  assign _2_ = _1_ | i__payload[31:24];
  always @(posedge clk)
    if (rst) o__valid <= 1'h0;
    else o__valid <= i__valid;
  always @(posedge clk)
    o__payload <= _2_;
endmodule
