// Counts on all CPUs of a Linux guest at once: `count ADDITIONS`.
//
// A thread on each CPU adds to counters, some with a lock prefix, some without where only one thread writes them, all
// on the same page. Wherever that page is at the time, the sums are exact. Prints one line each:
//
//   cpu C on node N          where a thread was
//   KIND: N of N             what was counted, and what had to be
//
// Exits with 1 where a count is wrong.
#include "cpus.h"

static struct cpu cpus[MOST_CPUS];
static int count;
static unsigned long additions;

static struct {
  // In one cache line with all other threads'.
  _Alignas(PAGE) atomic_ulong added;
  atomic_ulong exchanged;
  unsigned long guarded;
  atomic_int lock;
  unsigned short own[MOST_CPUS];
} page;
static unsigned long seen_backwards;

// Only its own thread writes it, and the compiler must not make one addition out of many.
static void add_to_own(int self) {
  __asm__ volatile("addw $1, %0" : "+m"(page.own[self]) : : "cc");
}

static void *run(void *argument) {
  int self = (int)(intptr_t)argument;
  pin_to(cpus[self].number);
  unsigned long last = 0, backwards = 0;
  meet(count);
  for (unsigned long i = 0; i < additions; i++) {
    unsigned long before = atomic_fetch_add(&page.added, 1);
    backwards += i > 0 && before <= last;
    last = before;

    unsigned long expected = atomic_load_explicit(&page.exchanged, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&page.exchanged, &expected, expected + 1)) {}

    while (atomic_exchange(&page.lock, 1)) __builtin_ia32_pause();
    page.guarded++;
    atomic_store_explicit(&page.lock, 0, memory_order_release);

    add_to_own(self);
  }
  __atomic_fetch_add(&seen_backwards, backwards, __ATOMIC_RELAXED);
  return NULL;
}

static int check(const char *kind, unsigned long found, unsigned long expected) {
  printf("%s: %lu of %lu\n", kind, found, expected);
  return found != expected;
}

int main(int argument_count, char **arguments) {
  if (argument_count != 2 || !(additions = strtoul(arguments[1], NULL, 10))) {
    fprintf(stderr, "usage: count ADDITIONS\n");
    return 2;
  }
  count = list_cpus(cpus);
  run_threads(count, run);
  for (int i = 0; i < count; i++) printf("cpu %d on node %u\n", cpus[i].number, cpus[i].node);
  unsigned long total = count * additions;
  int wrong = check("added", atomic_load(&page.added), total);
  wrong |= check("exchanged", atomic_load(&page.exchanged), total);
  wrong |= check("guarded", page.guarded, total);
  wrong |= check("seen backwards", seen_backwards, 0);
  for (int i = 0; i < count; i++) wrong |= check("own", page.own[i], (unsigned short)additions);
  return wrong;
}
