// The end of a pipeline whose registers have no enable: a queue with a place for every result in the pipeline.
// The pipeline moves in every cycle. A beat enters it only while there is room for its result, so results are never
// lost, however long the stream behind stalls; and no ready reaches the pipeline's registers, nor the queue's write
// side, which always has room for what arrives.
// Ports:
//   room : Signal(1), out
//       Whether a beat may enter.
//   enter : Signal(1), in
//       A beat enters at the next clock edge; only while there is room.
//   arrive : Signal(1), in
//       The result of the oldest beat in the pipeline is on result.
//   result : Signal(shape), in
//       The result.
//   o : stream out of shape
//       The results in order.
// Timing:
//   Latency: 2 cycles from arrive to o.
// Here: shape 8 bits, depth 3, latency 2.
// From hwsnn/rtl/stream/credit.py: CreditFifo
module credit_fifo_8_3 (
  input clk,
  input rst,
  output reg room,
  input enter,
  input arrive,
  input [7:0] result,
  output reg [7:0] o__payload,
  output reg o__valid,
  input o__ready
);
  wire _00_;
  wire _01_;
  wire _02_;
  wire _03_;
  wire _04_;
  wire [2:0] _05_;
  wire _06_;
  wire [2:0] _07_;
  wire _10_;
  wire _11_;
  wire _12_;
  wire _13_;
  wire _14_;
  wire [2:0] _15_;
  wire [2:0] _16_;
  wire _17_;
  wire _18_;
  wire _19_;
  wire _20_;
  wire _21_;
  wire _22_;
  wire [1:0] _23_;
  wire [1:0] _24_;
  wire _25_;
  wire [1:0] _26_;
  wire [1:0] _27_;
  reg [1:0] credit;
  wire leave;
  wire [1:0] newest_count;
  wire [1:0] oldest_count;
  wire oldest_step;
  reg some;
  reg [1:0] waiting;
  initial begin
    credit = 2'h3;
    o__valid = 1'h0;
    room = 1'h1;
    some = 1'h0;
    waiting = 2'h0;
  end
  (* no_rw_check = 32'd1 *)
  reg [7:0] results [2:0];
  integer results_word;
  initial
    for (results_word = 0; results_word < 3; results_word = results_word + 1)
      results[results_word] = 8'h0;
  always @(posedge clk) begin
    if (arrive)
      results[newest_count] <= result;
  end
  always @(posedge clk) begin
    if (oldest_step) begin
      o__payload <= results[oldest_count];
    end
  end
  assign leave = o__valid & o__ready;
  assign _00_ = ~ o__valid;
  assign _10_ = _00_ | o__ready;
  assign oldest_step = some & _10_;
  assign _11_ = ~ oldest_step;
  assign _12_ = arrive & _11_;
  assign _13_ = ~ arrive;
  assign _14_ = oldest_step & _13_;
  assign _15_ = waiting + 1'h1;
  assign _16_ = waiting - 1'h1;
  assign _17_ = waiting != 1'h1;
  assign _01_ = ~ leave;
  assign _02_ = enter & _01_;
  assign _03_ = ~ enter;
  assign _04_ = leave & _03_;
  assign _05_ = credit - 1'h1;
  assign _06_ = credit != 1'h1;
  assign _07_ = credit + 1'h1;
  always @(posedge clk)
    if (rst) room <= 1'h1;
    else room <= _25_;
  always @(posedge clk)
    if (rst) credit <= 2'h3;
    else credit <= _27_;
  always @(posedge clk)
    if (rst) o__valid <= 1'h0;
    else o__valid <= _19_;
  always @(posedge clk)
    if (rst) some <= 1'h0;
    else some <= _22_;
  always @(posedge clk)
    if (rst) waiting <= 2'h0;
    else waiting <= _24_;
  assign _21_ = _04_ ? 1'h1 : room;
  assign _18_ = o__ready ? 1'h0 : o__valid;
  assign _19_ = oldest_step ? 1'h1 : _18_;
  assign _20_ = _14_ ? _17_ : some;
  assign _22_ = _12_ ? 1'h1 : _20_;
  assign _23_ = _14_ ? _16_[1:0] : waiting;
  assign _24_ = _12_ ? _15_[1:0] : _23_;
  assign _25_ = _02_ ? _06_ : _21_;
  assign _26_ = _04_ ? _07_[1:0] : credit;
  assign _27_ = _02_ ? _05_[1:0] : _26_;
  modulo_counter_3 newest (
    .clk(clk),
    .rst(rst),
    .count(newest_count),
    .last(),
    .step(arrive)
  );
  modulo_counter_3 oldest (
    .clk(clk),
    .rst(rst),
    .count(oldest_count),
    .last(),
    .step(oldest_step)
  );
endmodule

// Counts steps modulo period: the beats of a pixel, the pixels of a row, the rows of a frame.
// Counters nest: the outer one steps where the inner one steps and is at its last value.
// Ports:
//   step : Signal(1), in
//       Increment at the next clock edge.
//   count : Signal(range(period)), out
//       A register, 0 after reset.
//   last : Signal(1), out
//       Whether count is period - 1; a register of its own, so that no comparison follows it.
// Here: period 3.
// From hwsnn/rtl/stream/counter.py: ModuloCounter
module modulo_counter_3 (
  input clk,
  input rst,
  input step,
  output reg [1:0] count,
  output reg last
);
  wire [2:0] _0_;
  wire [2:0] _1_;
  wire _2_;
  initial begin
    count = 2'h0;
    last = 1'h0;
  end
  assign _0_ = count + 1'h1;
  assign _1_ = last ? 3'h0 : _0_;
  assign _2_ = count == 1'h1;
  always @(posedge clk)
    if (rst) last <= 1'h0;
    else if (step) last <= _2_;
  always @(posedge clk)
    if (rst) count <= 2'h0;
    else if (step) count <= _1_[1:0];
endmodule
