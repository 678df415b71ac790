; Entry from the boot loader: Multiboot 1 and 2 headers, and the way from 32-bit protected mode to
; `kernelMain` in long mode.
;
; The loader leaves us in flat 32-bit protected mode, paging off, interrupts off (Multiboot 1, 3.2;
; Multiboot 2, 3.3), also under UEFI, where it has called ExitBootServices. We build a boot-time identity
; map of the first 4 GiB from 2 MiB pages; the kernel replaces it with its own tables (W^X, guard pages)
; as soon as it has read what firmware and loader left in memory.

%include "Boot/processor.inc"

extern kernelMain
extern __bss_start
extern __bss_end
global bootEntry
global bootStackGuard
global bootStackTop
global bootGDTPointer
global bootPML4

section .multiboot progbits alloc noexec nowrite align=8
multiboot1:
    dd 0x1BADB002               ; magic
    dd 0x00000003               ; modules on page boundaries, memory information
    dd -(0x1BADB002 + 0x00000003)

align 8
multiboot2:
    dd 0xE85250D6               ; magic
    dd 0                        ; i386 protected mode
    dd multiboot2End - multiboot2
    dd -(0xE85250D6 + (multiboot2End - multiboot2))
    align 8
    dw 1, 0                     ; information request: command line, modules, memory map
    dd 8 + 3 * 4
    dd 1, 3, 6
    align 8
    dw 6, 0                     ; modules on page boundaries
    dd 8
    align 8
    dw 0, 0                     ; end
    dd 8
multiboot2End:

section .text
bits 32
bootEntry:
    cli
    cld
    mov esp, bootStackTop
    mov esi, eax                ; loader's magic
    mov ebp, ebx                ; loader's information

    mov edi, __bss_start        ; the loader zeroes .bss, but only some of them do it right
    mov ecx, __bss_end
    sub ecx, edi
    xor eax, eax
    rep stosb

    mov eax, 0x80000000         ; a PC without long mode gets no further than a message
    cpuid
    cmp eax, 0x80000001
    jb .noLongMode
    mov eax, 0x80000001
    cpuid
    test edx, 1 << 29           ; LM
    jz .noLongMode
    test edx, 1 << 20           ; NX
    jz .noLongMode

    mov edi, bootPageDirectories
    mov eax, PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE
    mov ecx, 4 * 512
.fill:
    mov [edi], eax
    add eax, 2 << 20
    add edi, 8
    loop .fill

    mov edi, bootPDPT
    mov eax, bootPageDirectories + (PAGE_PRESENT | PAGE_WRITE)
    mov ecx, 4
.link:
    mov [edi], eax
    add eax, 4096
    add edi, 8
    loop .link
    mov dword [bootPML4], bootPDPT + (PAGE_PRESENT | PAGE_WRITE)

    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, bootPML4
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME | EFER_NXE
    wrmsr
    mov eax, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG
    mov cr0, eax
    lgdt [bootGDTPointer]
    jmp 0x08:.long

.noLongMode:
    mov esi, .message
.print:
    mov dx, 0x3FD               ; line status; all ones where there is no UART
    in al, dx
    test al, 1 << 5             ; room for a byte (THRE)
    jz .print
    lodsb
    test al, al
    jz .stop
    mov dx, 0x3F8
    out dx, al
    jmp .print
.stop:
    mov dx, 0x3FD
.drain:
    in al, dx
    test al, 1 << 6             ; the last bit has left (TEMT)
    jz .drain
.halt:
    hlt
    jmp .halt
.message: db "Big Iron needs a 64-bit x86 CPU with NX", 13, 10, 0

bits 64
.long:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rsp, bootStackTop
    mov edi, esi                ; magic
    mov esi, ebp                ; information
    xor ebp, ebp                ; ends a backtrace
    call kernelMain
.hang:
    cli
    hlt
    jmp .hang

section .rodata
align 8
bootGDT:
    dq 0
    dq 0x00AF9B000000FFFF       ; 0x08: 64-bit code
    dq 0x00CF93000000FFFF       ; 0x10: data
bootGDTPointer:
    dw $ - bootGDT - 1
    dd bootGDT

section .bss
alignb 4096
bootPML4:               resb 4096
bootPDPT:               resb 4096
bootPageDirectories:    resb 4 * 4096
bootStackGuard:         resb 4096       ; unmapped once the kernel runs on its own tables
                        resb 96 * 1024
bootStackTop:
