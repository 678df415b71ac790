; The memory that Swift's allocations come from (Sources/Kernel/Memory/Heap.swift).
global __heap_start
global __heap_end
extern heapAllocate
extern heapRelease
global posix_memalign
global free

section .text
bits 64
posix_memalign: jmp heapAllocate
free:           jmp heapRelease

section .bss
alignb 4096
__heap_start: resb 256 << 10
__heap_end:
