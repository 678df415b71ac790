; Where an application processor starts: one page below 1 MiB, entered in real mode by a start-up IPI with
; CS = page >> 4 and IP = 0 (SDM Vol. 3A, 9.4.4). The kernel copies the page there, fills in the
; parameters at its end, and starts one processor at a time. The code is position independent: data is
; addressed from CS, and the parameters carry every absolute address.

%include "Boot/processor.inc"

global trampolineStart
global trampolineEnd
global trampolineParameters
extern coreMain

section .rodata
align 16
bits 16
trampolineStart:
    cli
    cld
    mov ax, cs
    mov ds, ax
    xor ebx, ebx
    mov bx, ax
    shl ebx, 4                  ; the page's address, for trampolineLong
    o32 lgdt [parameters.gdtPointer - trampolineStart]
    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, [parameters.bootCR3 - trampolineStart]
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME | EFER_NXE
    wrmsr
    mov eax, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG
    mov cr0, eax
    jmp far dword [parameters.entry - trampolineStart]

align 8
trampolineParameters:
parameters:
.bootCR3:       dd 0            ; offset 0: the boot-time tables, in which this page is executable
.entry:         dd 0            ; offset 4: address of trampolineLong, then its selector
                dw 0x08
                dw 0            ; padding
.gdtPointer:    dw 0            ; offset 12: limit of the boot GDT, then its base
                dd 0
                dw 0            ; padding
.stack:         dq 0            ; offset 20: top of the new core's stack
.core:          dq 0            ; offset 28: argument of coreMain
.cr3:           dq 0            ; offset 36: the kernel's tables
trampolineEnd:

section .text
bits 64
global trampolineLong
trampolineLong:                 ; ebx = address of the trampoline page
    mov ebx, ebx
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rsp, [rbx + (parameters.stack - trampolineStart)]
    mov rax, [rbx + (parameters.cr3 - trampolineStart)]
    mov rdi, [rbx + (parameters.core - trampolineStart)]
    mov cr3, rax
    xor ebp, ebp
    call coreMain
.hang:
    cli
    hlt
    jmp .hang
