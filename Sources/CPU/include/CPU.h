#pragma once
#include <stdint.h>
#define INSTRUCTION static inline __attribute__((always_inline))
INSTRUCTION void cpu_out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
