// Looks for what x86 processors never do with memory that they share: `litmus ROUNDS`.
//
// Each test is two or four threads, on CPUs of different NUMA nodes as far as there are any, that load and store two
// variables x and y, both 0 before. Some outcomes no order of the stores explains; where SDM Vol. 3A, 9.2 ("memory
// ordering") forbids them, they must never be seen:
//
//   SB    x = 1; fence; a = y        | y = 1; fence; b = x        a = 0, b = 0
//   MP    x = 1; y = 1               | a = y; b = x               a = 1, b = 0
//   LB    a = x; y = 1               | b = y; x = 1               a = 1, b = 1
//   2+2W  x = 1; y = 2               | y = 1; x = 2               x = 1, y = 1 in the end
//   CoRR  x = 1                      | a = x; b = x               a = 1, b = 0
//   IRIW  x = 1 | y = 1 | a = x; b = y | c = y; d = x             a = 1, b = 0, c = 1, d = 0
//
// SB is also run without fences, where nothing is forbidden: its count of 0, 0 shows that the threads do meet.
//
// In a round all threads go through an array of such pairs of variables, starting at the same time by the TSC, give or
// take some, with or without a look at the pages before, and fast or slowly: all drawn anew each time. The variables are
// on two pages, and then all on one. Between rounds there is as little traffic as can be: a page with each thread's
// results to the one that prepares the next round, and one with the sign to go to the others.
//
// Prints a line for each test and placement:
//
//   NAME on two pages: forbidden N of N, outcomes OUTCOME N, OUTCOME N, …
//
// with the values in the order above. Exits with 1 where something forbidden was seen.
#include "cpus.h"

#include <string.h>

enum { LINE = 64, PAIRS = PAGE / LINE / 2, MOST_THREADS = 4, VALUES = 4, CODES = 1 << 2 * VALUES };

struct line {
  _Alignas(LINE) volatile uint32_t value;
};

typedef void thread_code(volatile uint32_t *x, volatile uint32_t *y, uint32_t *values);

struct test {
  const char *name;
  int threads, values;
  // In `outcome` they are digits, the first the highest.
  int forbidden;
  thread_code *code[MOST_THREADS];
};

enum { NOTHING = -1 };

static struct cpu cpus[MOST_CPUS];
static const struct test *test;
static unsigned long rounds;
static int is_one_page;

static _Alignas(PAGE) struct line pages[2][PAGE / LINE];

// What a thread has found in a round, and what it has counted of all results when it was its turn.
static struct {
  _Alignas(PAGE) uint32_t values[PAIRS][VALUES];
  int was_late;
  atomic_ulong round;
  _Alignas(PAGE) unsigned long counts[CODES];
} results[MOST_THREADS];

// The round that threads may begin with, and when: `lead` ticks after everything was ready, so that all hear of it in time.
static struct {
  _Alignas(PAGE) uint64_t start;
  uint64_t lead;
  atomic_ulong round;
} go;
static const uint64_t SHORTEST_LEAD = 1 << 10, LONGEST_LEAD = 1 << 25;
// Should the TSCs of two CPUs not agree, nobody waits for ever.
enum { MOST_LOOKS = 1 << 20 };

// One instruction each, in this order: what the compiler does not know it does not change.
static inline uint32_t load(volatile uint32_t *word) {
  uint32_t value;
  __asm__ volatile("movl %1, %0" : "=r"(value) : "m"(*word) : "memory");
  return value;
}

static inline void store(volatile uint32_t *word, uint32_t value) {
  __asm__ volatile("movl %1, %0" : "=m"(*word) : "r"(value) : "memory");
}

static inline void fence(void) { __asm__ volatile("mfence" : : : "memory"); }

#define THREAD(name) static void name(volatile uint32_t *x, volatile uint32_t *y, uint32_t *values)
#define UNUSED (void)x, (void)y, (void)values

THREAD(sb_fenced_0) { store(x, 1), fence(), values[0] = load(y); }
THREAD(sb_fenced_1) { store(y, 1), fence(), values[1] = load(x); }
THREAD(sb_0) { store(x, 1), values[0] = load(y); }
THREAD(sb_1) { store(y, 1), values[1] = load(x); }
THREAD(mp_0) { UNUSED, store(x, 1), store(y, 1); }
THREAD(mp_1) { values[0] = load(y), values[1] = load(x); }
THREAD(lb_0) { values[0] = load(x), store(y, 1); }
THREAD(lb_1) { values[1] = load(y), store(x, 1); }
THREAD(writes_0) { UNUSED, store(x, 1), store(y, 2); }
THREAD(writes_1) { UNUSED, store(y, 1), store(x, 2); }
THREAD(write_x) { UNUSED, store(x, 1); }
THREAD(write_y) { UNUSED, store(y, 1); }
THREAD(corr_1) { UNUSED, values[0] = load(x), values[1] = load(x); }
THREAD(iriw_2) { values[0] = load(x), values[1] = load(y); }
THREAD(iriw_3) { values[2] = load(y), values[3] = load(x); }

static const struct test TESTS[] = {
  {"SB", 2, 2, 0x00, {sb_fenced_0, sb_fenced_1}},
  {"SB without fences", 2, 2, NOTHING, {sb_0, sb_1}},
  {"MP", 2, 2, 0x4, {mp_0, mp_1}},
  {"LB", 2, 2, 0x5, {lb_0, lb_1}},
  {"2+2W", 2, 0, 0x5, {writes_0, writes_1}},
  {"CoRR", 2, 2, 0x4, {write_x, corr_1}},
  {"IRIW", 4, 4, 0x44, {write_x, write_y, iriw_2, iriw_3}},
};

static volatile uint32_t *x_of(int pair) { return &pages[0][2 * pair].value; }
static volatile uint32_t *y_of(int pair) {
  return is_one_page ? &pages[0][2 * pair + 1].value : &pages[1][2 * pair].value;
}

static uint32_t draw(uint32_t *state) {
  *state ^= *state << 13, *state ^= *state >> 17, *state ^= *state << 5;
  return *state;
}

// A power of two up to a 16th of the lead, and as often far less as more.
static uint32_t draw_ticks(uint32_t *state) { return 1u << draw(state) % (60 - __builtin_clzll(go.lead)); }

static void wait_until(uint64_t time) {
  for (int looks = 0; (int64_t)(__builtin_ia32_rdtsc() - time) < 0 && looks < MOST_LOOKS; looks++)
    __builtin_ia32_pause();
}

static void go_through(int self, unsigned long round, uint32_t *state) {
  // Others look at the page for the results: it is written once, at the end.
  uint32_t values[PAIRS][VALUES] = {0}, choice = draw(state);
  if (choice & 1) load(x_of(0));
  if (choice & 2) load(y_of(0));
  int is_late = (int64_t)(__builtin_ia32_rdtsc() - go.start) > 0;
  wait_until(go.start + draw(state) % draw_ticks(state));
  uint32_t ticks = choice & 4 ? draw_ticks(state) : 1;
  for (int pair = 0; pair < PAIRS; pair++) {
    test->code[self](x_of(pair), y_of(pair), values[pair]);
    if (ticks > 1) wait_until(__builtin_ia32_rdtsc() + draw(state) % ticks);
  }
  memcpy(results[self].values, values, sizeof values);
  results[self].was_late = is_late;
  atomic_store(&results[self].round, round);
}

static void count_outcomes(unsigned long *counts) {
  for (int pair = 0; pair < PAIRS; pair++) {
    int outcome = 0;
    for (int value = 0; value < test->values; value++) {
      // Each value has one thread that reads it; the others leave it 0.
      uint32_t found = 0;
      for (int thread = 0; thread < test->threads; thread++) found |= results[thread].values[pair][value];
      outcome = outcome << 2 | (found & 3);
    }
    if (!test->values) outcome = (*x_of(pair) & 3) << 2 | (*y_of(pair) & 3);
    counts[outcome]++;
  }
}

// Counts the outcomes of the round before, once all have left it, and has the next one begin.
static void prepare(unsigned long round, unsigned long *counts) {
  int late = 0;
  for (int thread = 0; thread < test->threads; thread++) {
    while (atomic_load(&results[thread].round) != round - 1) __builtin_ia32_pause();
    late += results[thread].was_late;
  }
  if (round > 1) count_outcomes(counts);
  memset((void *)pages, 0, sizeof pages);
  if (late) go.lead = go.lead * 2 < LONGEST_LEAD ? go.lead * 2 : LONGEST_LEAD;
  else if (go.lead > SHORTEST_LEAD) go.lead -= go.lead / 16;
  go.start = __builtin_ia32_rdtsc() + go.lead;
  atomic_store(&go.round, round);
}

static void *run(void *argument) {
  int self = (int)(intptr_t)argument;
  uint32_t state = 2463534242u + self;
  pin_to(cpus[self].number);
  // The one after the last has nothing but its preparation.
  for (unsigned long round = 1; round <= rounds + 1; round++) {
    // Who prepares a round takes the pages to its node, so all do it in turn.
    if (round % test->threads == (unsigned long)self) prepare(round, results[self].counts);
    else
      while (atomic_load(&go.round) < round) __builtin_ia32_pause();
    if (round <= rounds) go_through(self, round, &state);
  }
  return NULL;
}

static unsigned long sum_of(int outcome) {
  unsigned long sum = 0;
  for (int thread = 0; thread < test->threads; thread++) sum += results[thread].counts[outcome];
  return sum;
}

static unsigned long report(void) {
  int digits = test->values ? test->values : 2;
  unsigned long forbidden = test->forbidden == NOTHING ? 0 : sum_of(test->forbidden);
  printf(
      "%s on %s: forbidden %lu of %lu, outcomes", test->name, is_one_page ? "one page" : "two pages", forbidden,
      rounds * PAIRS);
  const char *separator = " ";
  for (int outcome = 0; outcome < CODES; outcome++) {
    unsigned long times = sum_of(outcome);
    if (!times) continue;
    printf("%s", separator);
    for (int digit = digits - 1; digit >= 0; digit--) printf("%d", outcome >> 2 * digit & 3);
    printf(" %lu", times);
    separator = ", ";
  }
  printf("\n");
  fflush(stdout);
  return forbidden;
}

int main(int argument_count, char **arguments) {
  if (argument_count != 2 || !(rounds = strtoul(arguments[1], NULL, 10))) {
    fprintf(stderr, "usage: litmus ROUNDS\n");
    return 2;
  }
  int count = list_cpus(cpus);
  if (count < 2) {
    fprintf(stderr, "litmus needs two CPUs\n");
    return 2;
  }
  for (int i = 0; i < count && i < MOST_THREADS; i++)
    printf("thread %d: cpu %d on node %u\n", i, cpus[i].number, cpus[i].node);
  unsigned long forbidden = 0;
  for (size_t i = 0; i < sizeof TESTS / sizeof *TESTS; i++) {
    test = &TESTS[i];
    if (count < test->threads) {
      printf("%s: skipped, it needs %d CPUs\n", test->name, test->threads);
      continue;
    }
    for (is_one_page = 0; is_one_page < 2; is_one_page++) {
      memset(results, 0, sizeof results);
      memset(&go, 0, sizeof go);
      go.lead = SHORTEST_LEAD;
      run_threads(test->threads, run);
      forbidden += report();
    }
  }
  return forbidden != 0;
}
