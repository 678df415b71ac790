#include "Assembly.h"

#if __STDC_HOSTED__
// The tests link the modules that call these routines, but cannot call them: they are privileged.
uint32_t enterVMX(struct guest_registers *registers, uint32_t resume) { __builtin_trap(); }
void enterSVM(struct guest_registers *registers, uint64_t vmcb) { __builtin_trap(); }
void raiseNMI(void) { __builtin_trap(); }
void raiseMachineCheck(void) { __builtin_trap(); }
char vmxExit[1];
#endif
