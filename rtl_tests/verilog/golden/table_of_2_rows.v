// A table of constants: several columns of integers, read one row at a time.
// All numbers.
// A word: contents[row * 2 + inputs].
// Ports:
//   row : Signal(range(rows)), in
//       The row.
//   inputs : Signal(n), in
//       Which number of the row.
//   lane_0, lane_1 : Signal(shape), out
//       Its number, unsigned where the column has none below 0. The first column is in the lowest bits of a word.
// Timing:
//   Latency: 3 cycles: a register for the address, one for the numbers, and one more in block memory, which is slow
//   to read. One row per cycle, without stalls. A table of one number is a constant.
// Here: latency 3, rows 2, n 1.
// From hwsnn/rtl/compute/rom.py: Rom
module table_of_2_rows (
  input clk,
  input row,
  input inputs,
  output [2:0] lane_0,
  output [4:0] lane_1
);
  reg [1:0] address;
  reg [7:0] numbers;
  reg [7:0] word;
  initial begin
    address = 2'h0;
    numbers = 8'h0;
  end
  (* rom_style = "block" *)
  reg [7:0] contents [3:0];
  initial begin
    contents[0] = 8'hd9;
    contents[1] = 8'h32;
    contents[2] = 8'h3b;
    contents[3] = 8'h44;
  end
  always @(posedge clk) begin
    word <= contents[address];
  end
  always @(posedge clk)
    address <= { row, inputs };
  always @(posedge clk)
    numbers <= word;
  assign lane_0 = numbers[2:0];
  assign lane_1 = numbers[7:3];
endmodule
