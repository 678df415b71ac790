#pragma once

// One function per instruction, each inlined always, no logic (SDM Vol. 2). Everything that decides
// anything is Swift.

#include <stdint.h>

#define INSTRUCTION(swift) static inline __attribute__((always_inline, swift_name(swift)))

// Port I/O

INSTRUCTION("readPort8(_:)") uint8_t cpu_in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
INSTRUCTION("readPort32(_:)") uint32_t cpu_in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
INSTRUCTION("writePort8(_:_:)") void cpu_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
INSTRUCTION("writePort32(_:_:)") void cpu_out32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

// Memory-mapped registers: one access of exactly this width, never merged or moved

INSTRUCTION("readMMIO32(_:)") uint32_t cpu_mmio_read32(uint64_t address) {
    return *(volatile uint32_t *)address;
}
INSTRUCTION("writeMMIO32(_:_:)") void cpu_mmio_write32(uint64_t address, uint32_t value) {
    *(volatile uint32_t *)address = value;
}
INSTRUCTION("writeMMIO64(_:_:)") void cpu_mmio_write64(uint64_t address, uint64_t value) {
    *(volatile uint64_t *)address = value;
}
INSTRUCTION("readMMIO64(_:)") uint64_t cpu_mmio_read64(uint64_t address) {
    return *(volatile uint64_t *)address;
}

// Locked read-modify-write of guest memory: true where the word was `expected` and is `desired` now

INSTRUCTION("compareExchange32(_:_:_:)")
_Bool cpu_cmpxchg32(uint64_t address, uint32_t expected, uint32_t desired) {
    return __sync_bool_compare_and_swap((volatile uint32_t *)address, expected, desired);
}
INSTRUCTION("compareExchange64(_:_:_:)")
_Bool cpu_cmpxchg64(uint64_t address, uint64_t expected, uint64_t desired) {
    return __sync_bool_compare_and_swap((volatile uint64_t *)address, expected, desired);
}

// CRC32C (SSE 4.2)

INSTRUCTION("crc32(_:_:)") uint32_t cpu_crc32_64(uint32_t crc, uint64_t value) {
    uint64_t result = crc;
    __asm__("crc32q %1, %0" : "+r"(result) : "r"(value));
    return (uint32_t)result;
}
INSTRUCTION("crc32(_:_:)") uint32_t cpu_crc32_8(uint32_t crc, uint8_t value) {
    __asm__("crc32b %1, %0" : "+r"(crc) : "r"(value));
    return crc;
}
// The word stands in memory, aligned or not, so that the instruction loads it.
INSTRUCTION("crc32(_:wordAt:)") uint64_t cpu_crc32_memory(uint64_t crc, const void *word) {
    __asm__("crc32q %1, %0" : "+r"(crc) : "m"(*(const uint64_t *)word));
    return crc;
}

// Model-specific registers, CPUID, time

INSTRUCTION("readMSR(_:)") uint64_t cpu_rdmsr(uint32_t index) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return (uint64_t)high << 32 | low;
}
INSTRUCTION("writeMSR(_:_:)") void cpu_wrmsr(uint32_t index, uint64_t value) {
    __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct cpuid_registers { uint32_t eax, ebx, ecx, edx; };

INSTRUCTION("cpuid(_:_:)") struct cpuid_registers cpu_cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid_registers r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}
INSTRUCTION("readTSC()") uint64_t cpu_rdtsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

// Interrupt flag, waiting

INSTRUCTION("disableInterrupts()") void cpu_cli(void) { __asm__ volatile("cli" ::: "memory"); }
/// Lets what is pending in: STI delays interrupts by one instruction, so one stands between.
INSTRUCTION("takePendingInterrupts()") void cpu_sti_nop_cli(void) {
    __asm__ volatile("sti; nop; cli" ::: "memory");
}
/// STI and HLT as one pair: no interrupt can come between them (SDM Vol. 2B, STI).
INSTRUCTION("waitForInterrupt()") void cpu_sti_hlt_cli(void) {
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}
INSTRUCTION("halt()") void cpu_hlt(void) { __asm__ volatile("hlt" ::: "memory"); }
INSTRUCTION("memoryFence()") void cpu_mfence(void) { __asm__ volatile("mfence; lfence" ::: "memory"); }
INSTRUCTION("storeFence()") void cpu_sfence(void) { __asm__ volatile("sfence" ::: "memory"); }
/// Writes the line at `address` back, and drops it from all caches (SDM Vol. 2A, CLFLUSH).
INSTRUCTION("flushLine(_:)") void cpu_clflush(uint64_t address) {
    __asm__ volatile("clflush (%0)" : : "r"(address) : "memory");
}
/// No instruction: the compiler moves no access to memory across it.
INSTRUCTION("compilerFence()") void cpu_compiler_fence(void) { __asm__ volatile("" ::: "memory"); }
INSTRUCTION("pause()") void cpu_pause(void) { __asm__ volatile("pause" ::: "memory"); }

// Control registers and translations

#define CONTROL_REGISTER(n)                                                                                  \
    INSTRUCTION("readCR" #n "()") uint64_t cpu_read_cr##n(void) {                                            \
        uint64_t value;                                                                                      \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value)::"memory");                                     \
        return value;                                                                                        \
    }                                                                                                        \
    INSTRUCTION("writeCR" #n "(_:)") void cpu_write_cr##n(uint64_t value) {                                  \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                                      \
    }
CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)
#undef CONTROL_REGISTER

INSTRUCTION("writeXCR0(_:)") void cpu_xsetbv0(uint64_t value) {
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}
INSTRUCTION("readXCR0()") uint64_t cpu_xgetbv0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
INSTRUCTION("saveExtendedState(_:_:)") void cpu_xsave64(void *area, uint64_t components) {
    __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((uint32_t)components), "d"((uint32_t)(components >> 32)) : "memory");
}
INSTRUCTION("restoreExtendedState(_:_:)") void cpu_xrstor64(const void *area, uint64_t components) {
    __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"((uint32_t)components), "d"((uint32_t)(components >> 32)) : "memory");
}

// Debug registers

#define DEBUG_REGISTER(n)                                                                                    \
    INSTRUCTION("readDR" #n "()") uint64_t cpu_read_dr##n(void) {                                            \
        uint64_t value;                                                                                      \
        __asm__ volatile("mov %%dr" #n ", %0" : "=r"(value));                                               \
        return value;                                                                                        \
    }                                                                                                        \
    INSTRUCTION("writeDR" #n "(_:)") void cpu_write_dr##n(uint64_t value) {                                  \
        __asm__ volatile("mov %0, %%dr" #n : : "r"(value));                                                 \
    }
DEBUG_REGISTER(0)
DEBUG_REGISTER(1)
DEBUG_REGISTER(2)
DEBUG_REGISTER(3)
DEBUG_REGISTER(6)
#undef DEBUG_REGISTER

// Segments and tables

INSTRUCTION("readGDTR()") uint64_t cpu_sgdt_base(void) {
    struct __attribute__((packed)) { uint16_t limit; uint64_t base; } pointer;
    __asm__ volatile("sgdt %0" : "=m"(pointer));
    return pointer.base;
}
INSTRUCTION("readIDTR()") uint64_t cpu_sidt_base(void) {
    struct __attribute__((packed)) { uint16_t limit; uint64_t base; } pointer;
    __asm__ volatile("sidt %0" : "=m"(pointer));
    return pointer.base;
}
/// The word that GS base points to: each core keeps the address of its own `Core` there.
INSTRUCTION("readGSWord()") uint64_t cpu_read_gs0(void) {
    uint64_t value;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}
INSTRUCTION("readFramePointer()") uint64_t cpu_read_rbp(void) {
    uint64_t value;
    __asm__ volatile("mov %%rbp, %0" : "=r"(value));
    return value;
}

// VT-x (SDM Vol. 3C, chapter 31): true where the instruction failed (CF or ZF)

#define VMX_OPERAND(swift, name, text)                                                                       \
    INSTRUCTION(swift) _Bool name(uint64_t region) {                                                         \
        _Bool failed;                                                                                        \
        __asm__ volatile(text " %1; setna %0" : "=q"(failed) : "m"(region) : "cc", "memory");                \
        return failed;                                                                                       \
    }
VMX_OPERAND("vmxon(_:)", cpu_vmxon, "vmxon")
VMX_OPERAND("vmclear(_:)", cpu_vmclear, "vmclear")
VMX_OPERAND("vmptrld(_:)", cpu_vmptrld, "vmptrld")
#undef VMX_OPERAND

INSTRUCTION("vmread(_:)") uint64_t cpu_vmread(uint64_t field) {
    uint64_t value = 0;
    __asm__ volatile("vmread %1, %0" : "+r"(value) : "r"(field) : "cc");
    return value;
}
INSTRUCTION("vmwrite(_:_:)") _Bool cpu_vmwrite(uint64_t field, uint64_t value) {
    _Bool failed;
    __asm__ volatile("vmwrite %2, %1; setna %0" : "=q"(failed) : "r"(field), "r"(value) : "cc", "memory");
    return failed;
}
INSTRUCTION("invept(_:_:)") _Bool cpu_invept(uint64_t type, uint64_t pointer) {
    struct { uint64_t pointer, reserved; } descriptor = {pointer, 0};
    _Bool failed;
    __asm__ volatile("invept %1, %2; setna %0" : "=q"(failed) : "m"(descriptor), "r"(type) : "cc", "memory");
    return failed;
}
INSTRUCTION("invvpid(_:_:_:)") _Bool cpu_invvpid(uint64_t type, uint16_t vpid, uint64_t address) {
    struct { uint64_t vpid, address; } descriptor = {vpid, address};
    _Bool failed;
    __asm__ volatile("invvpid %1, %2; setna %0" : "=q"(failed) : "m"(descriptor), "r"(type) : "cc", "memory");
    return failed;
}

// AMD-V (APM Vol. 3)

INSTRUCTION("vmsave(_:)") void cpu_vmsave(uint64_t vmcb) { __asm__ volatile("vmsave %0" : : "a"(vmcb) : "memory"); }

#undef INSTRUCTION
