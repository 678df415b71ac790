// Accesses of all CPUs of a Linux guest that lie across a border: `straddle-lock ADDITIONS`.
//
// A thread on each CPU adds to numbers of eight bytes by LOCK ADD, LOCK XADD and LOCK CMPXCHG. Each number has some of
// its bytes before a border and the others behind it: a border between cache lines, and then one between pages, both of
// which have to be with the CPU at the same time. Meanwhile every other thread also writes words of its own on one side,
// the rest on the other. Whoever has the pages, the sums are exact.
//
// Then threads in turn store across a border, without a lock prefix, numbers of eight equal bytes, from 0 upwards, while
// the others load them. Such an access may be made in pieces, down to bytes and in any order (SDM Vol. 3A, 9.1.1). But
// stores stay in order, and so do loads (9.2): no byte ever goes back, and where a load has seen store N, all bytes of the
// next one are of store N - 1 at least. In the end every thread sees the last store. Prints for lines and for pages:
//
//   KIND across BORDERS: N of N                                   what was counted, and what had to be
//   loads across BORDERS: forbidden N of N, in pieces N           of these, bytes of different stores
//
// Exits with 1 where a sum is wrong, or something forbidden was seen.
#include "cpus.h"

#include <string.h>

enum { LINE = 64, NUMBERS = 3, PAGES = NUMBERS + 1, STORES_IN_A_ROUND = 100, MOST_ROUNDS = 1000 };

typedef uint64_t __attribute__((aligned(1), may_alias)) number;

static struct cpu cpus[MOST_CPUS];
static int count;
static unsigned long additions, rounds;

static _Alignas(PAGE) uint8_t area[PAGES][PAGE];
static const struct border {
  const char *name;
  size_t distance;
} BORDERS[] = {{"lines", LINE}, {"pages", PAGE}};
static const struct border *border;

static atomic_ulong seen_backwards, loads, forbidden_loads, loads_in_pieces;

// How many bytes of a number are before its border.
static const size_t BYTES_BEFORE[NUMBERS] = {1, 4, 7};
static number *number_at(int i) { return (number *)(area[0] + (i + 1) * border->distance - BYTES_BEFORE[i]); }

// Words that one thread alone writes, one on every other page.
enum { OWN = PAGE / 2 };
static uint16_t *own(int page, int self) { return (uint16_t *)(area[page] + OWN) + self; }

static void add(number *number) { __asm__ volatile("lock addq $1, %0" : "+m"(*number) : : "cc", "memory"); }

static uint64_t exchange_and_add(number *number) {
  uint64_t value = 1;
  __asm__ volatile("lock xaddq %0, %1" : "+r"(value), "+m"(*number) : : "cc", "memory");
  return value;
}

static int compare_and_exchange(number *number, uint64_t *expected, uint64_t value) {
  int is_done;
  __asm__ volatile("lock cmpxchgq %3, %1" : "+a"(*expected), "+m"(*number), "=@ccz"(is_done) : "r"(value) : "memory");
  return is_done;
}

static uint64_t load(const number *number) {
  uint64_t value;
  __asm__ volatile("movq %1, %0" : "=r"(value) : "m"(*number) : "memory");
  return value;
}

static void store(number *number, uint64_t value) {
  __asm__ volatile("movq %1, %0" : "=m"(*number) : "r"(value) : "memory");
}

static void *run_additions(void *argument) {
  int self = (int)(intptr_t)argument;
  pin_to(cpus[self].number);
  uint64_t last = 0;
  meet(count);
  for (unsigned long i = 0; i < additions; i++) {
    add(number_at(0));

    uint64_t before = exchange_and_add(number_at(1));
    if (i > 0 && before <= last) atomic_fetch_add(&seen_backwards, 1);
    last = before;

    uint64_t expected = load(number_at(2));
    while (!compare_and_exchange(number_at(2), &expected, expected + 1)) {}

    for (int page = self % 2; page < PAGES; page += 2)
      __asm__ volatile("addw $1, %0" : "+m"(*own(page, self)) : : "cc");
  }
  return NULL;
}

static uint64_t repeated(uint8_t byte) { return byte * 0x0101010101010101; }

static void load_until_the_last_store(const number *number) {
  unsigned long made = 0, forbidden = 0, in_pieces = 0;
  uint8_t last[sizeof *number] = {0}, newest = 0;
  for (uint64_t value = 0; value != repeated(STORES_IN_A_ROUND); made++) {
    value = load(number);
    uint8_t bytes[sizeof value], newest_before = newest;
    memcpy(bytes, &value, sizeof value);
    int is_forbidden = 0;
    for (size_t i = 0; i < sizeof value; i++) {
      is_forbidden |= bytes[i] < last[i] || bytes[i] + 1 < newest_before;
      if (bytes[i] > newest) newest = bytes[i];
    }
    memcpy(last, bytes, sizeof last);
    forbidden += is_forbidden;
    in_pieces += value != repeated(bytes[0]);
  }
  atomic_fetch_add(&loads, made);
  atomic_fetch_add(&forbidden_loads, forbidden);
  atomic_fetch_add(&loads_in_pieces, in_pieces);
}

static void *run_stores(void *argument) {
  int self = (int)(intptr_t)argument;
  pin_to(cpus[self].number);
  for (unsigned long round = 0; round < rounds; round++) {
    number *number = number_at(round % NUMBERS);
    int is_writer = round % count == (unsigned long)self;
    if (is_writer) store(number, 0);
    meet(count);
    if (is_writer)
      for (int i = 1; i <= STORES_IN_A_ROUND; i++) store(number, repeated(i));
    else load_until_the_last_store(number);
    meet(count);
  }
  return NULL;
}

static int check(const char *kind, unsigned long found, unsigned long expected) {
  printf("%s across %s: %lu of %lu\n", kind, border->name, found, expected);
  return found != expected;
}

static int check_additions(void) {
  static const char *const KINDS[NUMBERS] = {"lock add", "lock xadd", "lock cmpxchg"};
  int wrong = 0;
  for (int i = 0; i < NUMBERS; i++) wrong |= check(KINDS[i], load(number_at(i)), count * additions);
  wrong |= check("seen backwards", atomic_exchange(&seen_backwards, 0), 0);
  for (int self = 0; self < count; self++)
    for (int page = self % 2; page < PAGES; page += 2) wrong |= check("own", *own(page, self), (uint16_t)additions);
  return wrong;
}

static int check_loads(void) {
  unsigned long forbidden = atomic_exchange(&forbidden_loads, 0);
  printf(
      "loads across %s: forbidden %lu of %lu, in pieces %lu\n", border->name, forbidden, atomic_exchange(&loads, 0),
      atomic_exchange(&loads_in_pieces, 0));
  return forbidden != 0;
}

int main(int argument_count, char **arguments) {
  if (argument_count != 2 || !(additions = strtoul(arguments[1], NULL, 10))) {
    fprintf(stderr, "usage: straddle-lock ADDITIONS\n");
    return 2;
  }
  count = list_cpus(cpus);
  if (count < 2) {
    fprintf(stderr, "straddle-lock needs two CPUs\n");
    return 2;
  }
  rounds = additions < MOST_ROUNDS ? additions : MOST_ROUNDS;
  for (int i = 0; i < count; i++) printf("cpu %d on node %u\n", cpus[i].number, cpus[i].node);
  int wrong = 0;
  for (size_t i = 0; i < sizeof BORDERS / sizeof *BORDERS; i++) {
    border = &BORDERS[i];
    memset(area, 0, sizeof area);
    run_threads(count, run_additions);
    wrong |= check_additions();
    fflush(stdout);
    run_threads(count, run_stores);
    wrong |= check_loads();
    fflush(stdout);
  }
  return wrong;
}
