// Threads that watch what another one changes.
#define _GNU_SOURCE
#include "paging.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHANGING = 1, STATE_SHIFT = 1, COUNT_SHIFT = 8, CALLS_PER_TURN = 64 };

void begin_change(struct stage *stage) { atomic_fetch_or(&stage->value, CHANGING); }

void end_change(struct stage *stage, unsigned state) {
  unsigned long count = (atomic_load(&stage->value) >> COUNT_SHIFT) + 1;
  atomic_store(&stage->value, count << COUNT_SHIFT | state << STATE_SHIFT);
}

// A full fence: what was stored before has been translated before.
unsigned long current(struct stage *stage) {
  atomic_thread_fence(memory_order_seq_cst);
  return atomic_load(&stage->value);
}

bool is_settled(unsigned long value) { return !(value & CHANGING); }

unsigned state_of(unsigned long value) { return value >> STATE_SHIFT & ((1 << (COUNT_SHIFT - STATE_SHIFT)) - 1); }

// Shared with forked processes.
static struct watchers {
  void (*body)(int index, struct random *);
  int count;
  atomic_bool stop;
  struct {
    _Alignas(64) atomic_uint calls;
    atomic_uint goal;  // wake who waits when there were so many
  } progress[MOST_WATCHERS];
} *watchers;

static pthread_t threads[MOST_WATCHERS];

static void futex(atomic_uint *word, int operation, unsigned value) {
  if (syscall(SYS_futex, word, operation, value, NULL, NULL, 0) < 0 && errno != EAGAIN && errno != EINTR)
    fail_call("futex");
}

static void *watch(void *argument) {
  int index = (int)(intptr_t)argument;
  pin(index + 1);
  struct random random = make_random(0x7468 + (uint64_t)index);
  while (!atomic_load(&watchers->stop)) {
    watchers->body(index, &random);
    unsigned calls = atomic_fetch_add(&watchers->progress[index].calls, 1) + 1;
    if (calls == atomic_load(&watchers->progress[index].goal))
      futex(&watchers->progress[index].calls, FUTEX_WAKE, INT_MAX);
    // Not each time, since the way through the kernel could refresh what the processor has kept too long.
    if (calls % CALLS_PER_TURN == 0) sched_yield();
  }
  return NULL;
}

void start_watchers(void (*body)(int, struct random *)) {
  if (!watchers) watchers = map(NULL, sizeof *watchers, PROT_READ | PROT_WRITE, MAP_SHARED);
  watchers->body = body;
  watchers->count = cpu_count() - 1;
  if (watchers->count < 1) watchers->count = 1;
  if (watchers->count > MOST_WATCHERS) watchers->count = MOST_WATCHERS;
  atomic_store(&watchers->stop, false);
  for (intptr_t i = 0; i < watchers->count; i++)
    if (pthread_create(&threads[i], NULL, watch, (void *)i)) fail_call("pthread_create");
}

// Sleeps meanwhile: where vCPUs have to share a core, spinning would only keep the others away.
void wait_for_watchers(void) {
  unsigned goals[MOST_WATCHERS];
  for (int i = 0; i < watchers->count; i++) {
    // The first call that ends may have begun earlier.
    goals[i] = atomic_load(&watchers->progress[i].calls) + 2;
    atomic_store(&watchers->progress[i].goal, goals[i]);
  }
  for (int i = 0; i < watchers->count; i++) {
    unsigned calls;
    while ((int)((calls = atomic_load(&watchers->progress[i].calls)) - goals[i]) < 0)
      futex(&watchers->progress[i].calls, FUTEX_WAIT, calls);
  }
}

void stop_watchers(void) {
  atomic_store(&watchers->stop, true);
  for (int i = 0; i < watchers->count; i++) pthread_join(threads[i], NULL);
}
