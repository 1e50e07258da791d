// Included before every file of a simulator that records waveforms: its file of waveforms holds only a window of time.
// cocotb's main program would record everything from the start, and what differs may be millions of cycles later.

#ifdef __cplusplus
#include <verilated_vcd_c.h>

#include <cstdint>
#include <cstdlib>

class WindowedVcd final : public VerilatedVcdC {
    static uint64_t time_of(const char* variable) { return std::strtoull(std::getenv(variable), nullptr, 10); }
    const uint64_t begin = time_of("HWSNN_TRACE_BEGIN");
    const uint64_t end = time_of("HWSNN_TRACE_END");

public:
    void dump(uint64_t now) {
        if (begin <= now && now <= end) VerilatedVcdC::dump(now);
    }
};

#define VerilatedVcdC WindowedVcd
#endif
