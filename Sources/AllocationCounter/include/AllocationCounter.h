// Counts allocations from the heap, on the host. Whatever is linked with this has its malloc and the like, which count
// and then call the C library's (glibc).

#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// How often this thread has taken memory from the heap.
unsigned long allocationCount(void);

#endif
