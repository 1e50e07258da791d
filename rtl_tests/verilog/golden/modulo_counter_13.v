// Counts steps modulo period: the beats of a pixel, the pixels of a row, the rows of a frame.
// Counters nest: the outer one steps where the inner one steps and is at its last value.
// Ports:
//   step : Signal(1), in
//       Increment at the next clock edge.
//   count : Signal(range(period)), out
//       A register, 0 after reset.
//   last : Signal(1), out
//       Whether count is period - 1; a register of its own, so that no comparison follows it.
// Here: period 13.
// From hwsnn/rtl/stream/counter.py: ModuloCounter
module modulo_counter_13 (
  input clk,
  input rst,
  input step,
  output reg [3:0] count,
  output reg last
);
  wire [4:0] _0_;
  wire [4:0] _1_;
  wire _2_;
  initial begin
    count = 4'h0;
    last = 1'h0;
  end
  assign _0_ = count + 1'h1;
  assign _1_ = last ? 5'h0 : _0_;
  assign _2_ = count == 4'hb;
  always @(posedge clk)
    if (rst) last <= 1'h0;
    else if (step) last <= _2_;
  always @(posedge clk)
    if (rst) count <= 4'h0;
    else if (step) count <= _1_[3:0];
endmodule
