; Guest entry and exit on AMD-V (APM Vol. 2, 15.5 "VMRUN Instruction", 15.6 "#VMEXIT", 15.17 "Global Interrupt Flag").
;
; VMRUN and #VMEXIT switch what the VMCB's state-save area names, VMLOAD and VMSAVE the rest of the hidden and MSR
; state (FS, GS, TR, LDTR, SYSCALL, SYSENTER), and this code the general registers. RAX, which VMRUN takes the
; VMCB's address in, is kept in the VMCB too; we move it to and from the `struct guest_registers`, so that
; everybody else finds it among the others.
;
; Interrupts: with GIF clear nothing gets in, although IF is set from here on. In the guest physical interrupts
; follow the host's IF (V_INTR_MASKING) and make an exit; back here, IF is cleared before GIF is set again, so that
; they stay pending until the run loop takes them. An NMI is taken at STGI.

%include "Boot/registers.inc"

%define VMCB_RAX 0x5F8

global enterSVM

section .text
bits 64

; rdi = struct guest_registers *, rsi = address of the VMCB
align 16
enterSVM:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rdi
    push rsi
    clgi
    sti                         ; its shadow must not reach VMRUN: the loads below stand between
    mov rax, [rdi + registers.rax]
    mov [rsi + VMCB_RAX], rax
    mov rax, rsi
    LOAD_GENERAL rdi
    mov rdi, [rdi + registers.rdi]
    vmload
    vmrun
    vmsave                      ; #VMEXIT has restored RAX and RSP, everything else is the guest's
    mov rax, [rsp + 8]
    SAVE_GENERAL rax
    mov [rax + registers.rdi], rdi
    mov rdi, rax
    pop rsi
    mov rax, [rsi + VMCB_RAX]
    mov [rdi + registers.rax], rax
    mov rax, [rdi + registers.host]
    vmload                      ; this core's own GS base and TR
    cli
    stgi
    pop rdi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
