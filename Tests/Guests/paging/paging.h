// What the parts of `paging` share; main.c says what it is.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAGE = 4096, WORDS = PAGE / sizeof(uint64_t), LARGE_PAGE = 2 << 20 };

// What is being run.
struct run {
  const char *name;
  uint64_t seed;
  int64_t deadline;
  int cpu;  // the first CPU that it uses
};
extern struct run run;

// The sub-tests. Each runs rounds until the time is up, at least one, and returns how much it has checked.
unsigned long test_fork(void);
unsigned long test_protect(void);
unsigned long test_large(void);
unsigned long test_remap(void);
unsigned long test_code(void);
unsigned long test_tables(void);
unsigned long test_shootdown(void);
unsigned long test_bits(void);
unsigned long test_files(void);
unsigned long test_exec(void);

// The program that test_exec executes.
_Noreturn void be_executed(uint64_t seed, int depth);

// Ends the process with exit status 1, and says why; after a system call, with what errno says.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail_call(const char *what);

// Says on standard error what cannot be checked here.
void note(const char *text);

// Microseconds
int64_t now(void);
bool time_is_left(void);

// Runs the caller on one CPU: one after the other, counted from the first of this process's.
void pin(int index);
int cpu_count(void);

// Numbers that look random: SplitMix64.
struct random {
  uint64_t state;
};
struct random make_random(uint64_t stream);
uint64_t next(struct random *);
uint64_t below(struct random *, uint64_t bound);

// System calls that must succeed.
void *map(void *address, size_t length, int protection, int flags);
void *map_file(void *address, size_t length, int protection, int flags, int file, off_t offset);
void unmap(void *address, size_t length);
void protect(void *address, size_t length, int protection);
void advise(void *address, size_t length, int advice);
// Keeps pages present once they are: the kernel does not move them to make room for large ones.
void lock(void *address, size_t length);
// Anonymous private memory without large pages; `aligned` is a power of two.
char *map_small_pages(size_t length, size_t aligned);
// A forked process that dies with its parent.
pid_t fork_child(void);
// Waits for a child that must end with this exit status.
void wait_for(pid_t child, int status);

// What /proc/self/smaps says of the mappings from `memory` on, in lines of this name; of whole mappings only.
unsigned long mapped_kilobytes(const void *memory, size_t length, const char *name);

// Every word of a page depends on `key` and its place, and on nothing else.
void fill(void *page, uint64_t key);
void check(const void *page, uint64_t key, const char *what);
void check_zero(const void *page, const char *what);

// Accesses that may fault (access.c).
struct outcome {
  bool faulted;
  int signal, code;     // si_code
  uintptr_t address;    // si_addr
  unsigned long error;  // the processor's error code
  uint64_t value;       // what was read or returned; 0 for a write
};
enum { PRESENT = 1, WRITE = 2, USER = 4, FETCH = 16 };  // bits of a page fault's error code

void install_fault_handler(void);
struct outcome try_read(const void *address);
struct outcome try_write(void *address, uint64_t value);
struct outcome try_execute(const void *address);
void expect_value(struct outcome, const void *address, uint64_t value, const char *what);
void expect_fault(
    struct outcome, const void *address, int signal, int code, unsigned long error, const char *what);
// Nothing is mapped there.
void expect_hole(void *address, const char *what);
// A function that returns `value`, as the 8 bytes of its code.
uint64_t function_returning(uint32_t value);

// What one thread changes and others watch: `begin` and `end` stand around each change. An access between two calls of
// `current` that return the same settled state was made in that state.
struct stage {
  _Alignas(64) atomic_ulong value;
};
void begin_change(struct stage *);
void end_change(struct stage *, unsigned state);
unsigned long current(struct stage *);
bool is_settled(unsigned long value);
unsigned state_of(unsigned long value);

// Threads, on CPUs one after the other, that call `body` again and again until they are stopped.
enum { MOST_WATCHERS = 3 };
void start_watchers(void (*body)(int index, struct random *));
// Returns when each has called `body` at least once from its beginning to its end. A child may wait for its parent's.
void wait_for_watchers(void);
void stop_watchers(void);
