#pragma once

// What Boot/*.asm and Swift share: the layouts that both sides know, the routines, and the addresses of
// symbols that the linker script or the assembler defines.

#include <stdint.h>

/// General registers of a guest while our own code runs, in the order of their encodings. RSP is here for
/// a uniform index only: the VMCS (VMCB) holds the live one.
struct guest_registers {
    uint64_t general[16];       // rax rcx rdx rbx rsp rbp rsi rdi r8 … r15
    uint64_t host;              // VT-x: what HOST_RSP was last set to; AMD-V: the core's own VMSAVE area
};

/// What an interrupt or exception left on the stack (Boot/interrupts.asm).
struct interrupt_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector;
    uint64_t errorCode;
    uint64_t rip, cs, rflags, rsp, ss;
};

/// The words that the kernel fills in at the end of the trampoline page (Boot/trampoline.asm).
struct __attribute__((packed)) trampoline_parameters {
    uint32_t bootCR3;
    uint32_t entry;
    uint16_t selector;
    uint16_t reserved0;
    uint16_t gdtLimit;
    uint32_t gdtBase;
    uint16_t reserved1;
    uint64_t stack;
    uint64_t core;
    uint64_t cr3;
};

uint32_t enterVMX(struct guest_registers *registers, uint32_t resume);
void enterSVM(struct guest_registers *registers, uint64_t vmcb);
void raiseNMI(void);
void raiseMachineCheck(void);
void loadDescriptorTables(const void *gdtPointer, const void *idtPointer, uint16_t taskSelector);

#define SYMBOL(name)                                                                                         \
    extern char name[];                                                                                \
    static inline __attribute__((always_inline)) uint64_t name##Address(void) { return (uint64_t)name; }

SYMBOL(__text_start)
SYMBOL(__text_end)
SYMBOL(__rodata_start)
SYMBOL(__rodata_end)
SYMBOL(__data_start)
SYMBOL(__bss_end)
SYMBOL(bootStackGuard)
SYMBOL(bootGDTPointer)
SYMBOL(bootPML4)
SYMBOL(interruptEntries)
SYMBOL(trampolineStart)
SYMBOL(trampolineEnd)
SYMBOL(trampolineParameters)
SYMBOL(trampolineLong)
SYMBOL(vmxExit)
SYMBOL(symbolTable)
SYMBOL(__heap_start)
SYMBOL(__heap_end)
#undef SYMBOL
