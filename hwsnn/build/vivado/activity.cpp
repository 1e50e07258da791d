// Feeds frames to the accelerator without a pause, and records how often each of its signals changes.
//
//     activity FRAMES COUNT AXI_PS PIPELINE_PS PATIENCE SAIF RESULTS
//
// FRAMES: the words of some frames, in turn again and again: 8 bytes of tdata, 1 of tkeep, 1 of tlast each.
// COUNT: how many frames to record, from the end of the first result on: then the pipeline is full.
// AXI_PS, PIPELINE_PS: half the period of aclk and of pipeline_clk, in picoseconds.
// PATIENCE: how many edges may pass without a result.
// SAIF, RESULTS: the files to write; of the results the words' tdata, 8 bytes each.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vaccelerator.h"
#include "verilated.h"
#include "verilated_saif_c.h"

namespace {

constexpr std::size_t WORD_BYTES = 8;
constexpr std::size_t RECORD_BYTES = WORD_BYTES + 2;
constexpr int RESET_EDGES = 64;

class Frames {
public:
    explicit Frames(const char* file) {
        std::ifstream stream(file, std::ios::binary);
        m_bytes.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }

    void offer(Vaccelerator& top) {
        const unsigned char* record = &m_bytes[m_next];
        uint64_t data = 0;
        for (std::size_t lane = 0; lane < WORD_BYTES; ++lane) data |= uint64_t{record[lane]} << (8 * lane);
        top.s_axis_tdata = data;
        top.s_axis_tkeep = record[WORD_BYTES];
        top.s_axis_tlast = record[WORD_BYTES + 1];
        top.s_axis_tvalid = 1;
        m_next = (m_next + RECORD_BYTES) % m_bytes.size();
    }

private:
    std::vector<unsigned char> m_bytes;
    std::size_t m_next = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8) return 2;
    Frames frames(argv[1]);
    const long count = std::atol(argv[2]);
    const uint64_t axi_half = std::atoll(argv[3]), pipeline_half = std::atoll(argv[4]);
    const long patience = std::atol(argv[5]);
    std::ofstream results(argv[7], std::ios::binary);

    VerilatedContext context;
    context.traceEverOn(true);
    Vaccelerator top(&context, "accelerator");
    VerilatedSaifC saif;
    top.trace(&saif, 99);

    top.m_axis_tready = 1;
    uint64_t now = 0, start = 0, next_axi = axi_half, next_pipeline = pipeline_half;
    long answered = 0, waited = 0, edges = 0;
    while (answered <= count) {
        now = std::min(next_axi, next_pipeline);
        const bool axi = next_axi == now, rises = axi && !top.aclk;
        const bool taken = rises && top.s_axis_tvalid && top.s_axis_tready;
        const bool given = rises && top.m_axis_tvalid && top.m_axis_tready;
        const bool ends = given && top.m_axis_tlast;
        if (given) {
            const uint64_t data = top.m_axis_tdata;
            for (std::size_t lane = 0; lane < WORD_BYTES; ++lane) results.put(static_cast<char>(data >> (8 * lane)));
        }
        if (axi) {
            top.aclk = !top.aclk;
            next_axi += axi_half;
        }
        if (next_pipeline == now) {
            top.pipeline_clk = !top.pipeline_clk;
            next_pipeline += pipeline_half;
        }
        top.eval();
        if (rises) {
            top.aresetn = edges >= RESET_EDGES;
            if (top.aresetn && (taken || !top.s_axis_tvalid)) frames.offer(top);
            top.eval();
        }
        ++edges;
        waited = ends ? 0 : waited + 1;
        if (waited > patience) {
            std::fprintf(stderr, "ERROR: no result within %ld edges\n", patience);
            return 1;
        }
        if (ends) {
            if (answered == 0) {
                start = now;
                saif.open(argv[6]);
            }
            ++answered;
            std::printf("frame %ld\n", answered);
            std::fflush(stdout);
        }
        if (answered > 0) saif.dump(now - start);
    }
    saif.close();
    return 0;
}
