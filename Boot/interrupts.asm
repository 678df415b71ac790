; The 256 entry points of the interrupt descriptor table. Each pushes its vector (and a zero where the CPU
; pushes no error code), and the common part saves the general registers, so that Swift sees one
; `struct interrupt_frame` (Sources/Assembly/include/Assembly.h).

extern handleInterrupt
global interruptEntries
global raiseNMI
global raiseMachineCheck
global loadDescriptorTables

section .text
bits 64

%macro ENTRY 1
    align 16
%if %1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || %1 == 29 || %1 == 30
    push strict dword %1        ; the CPU has pushed an error code (SDM Vol. 3A, 6.15)
%else
    push strict dword 0
    push strict dword %1
%endif
    jmp near commonEntry
%endmacro

align 16
interruptEntries:               ; 16 bytes each
%assign vector 0
%rep 256
    ENTRY vector
%assign vector vector + 1
%endrep

commonEntry:                    ; [rsp] = vector, [rsp + 8] = error code, [rsp + 16] = what the CPU pushed
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    mov rbp, rsp                ; keeps rsp whatever its alignment was
    and rsp, -16
    call handleInterrupt
    mov rsp, rbp
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    iretq

; Runs the NMI handler as if the NMI had arrived here. Its IRETQ ends the blocking of NMIs that a VM exit
; caused by one leaves behind (SDM Vol. 3C, 28.2.3 and 6.7.1).
raiseNMI:
    int 2
    ret

raiseMachineCheck:
    int 18
    ret

; rdi = pseudo-descriptor of the GDT, rsi = of the IDT, edx = selector of the TSS
loadDescriptorTables:
    lgdt [rdi]
    lidt [rsi]
    ltr dx
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    pop rax
    push 0x08
    push rax
    retfq
