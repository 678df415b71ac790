// Code that changes: through another address, under its own, by pages that are by turns writable and executable, by
// mappings that take each other's place, and while another thread executes it.
#define _GNU_SOURCE
#include "paging.h"

#include <cpuid.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 4, PLACES = PAGE / 16, PATCHES = 40, TURNS = 4, PATCHES_FOR_OTHERS = 8 };
enum { EXECUTABLE, WRITABLE };  // states of `turning`

static int file;
static uint64_t *writing;    // pages of the file,
static uint64_t *executing;  // and once more
static uint64_t *turning;    // a page that is one or the other

static struct stage stage;
static _Alignas(64) atomic_uint turningValue;

// The place that all threads execute once each time it was patched, and not meanwhile.
enum { SHARED_PLACE = 8 };
static _Alignas(64) atomic_uint patched;
static struct {
  _Alignas(64) unsigned number;
} executed[MOST_WATCHERS];

// What was written by another address or another processor is executed only after this (SDM Vol. 3A, 8.1.3).
static void serialize(void) {
  unsigned a, b, c, d;
  __cpuid(0, a, b, c, d);
}

static uint32_t place_of(struct random *random) {
  return (uint32_t)(below(random, PAGES) * WORDS + below(random, PLACES) * 2);
}

static void patch_by_another_address(struct random *random) {
  uint32_t place = place_of(random), value = (uint32_t)next(random);
  writing[place] = function_returning(value);
  serialize();
  expect_value(try_execute(&executing[place]), &executing[place], value, "code patched by another address");
  struct outcome outcome = try_write(&executing[place], 0);
  const char *what = "a write to code";
  expect_fault(outcome, &executing[place], SIGSEGV, SEGV_ACCERR, USER | WRITE | PRESENT, what);
  outcome = try_execute(&writing[place]);
  what = "a call into what is only writable";
  expect_fault(outcome, &writing[place], SIGSEGV, SEGV_ACCERR, USER | FETCH | PRESENT, what);
}

static void patch_itself(uint64_t *both, struct random *random) {
  uint32_t place = (uint32_t)below(random, PLACES) * 2, value = (uint32_t)next(random);
  both[place] = function_returning(value);
  expect_value(try_execute(&both[place]), &both[place], value, "code patched under its own address");
}

// Another page of the file at the same address.
static void exchange_pages(struct random *random) {
  uint32_t place = (uint32_t)below(random, PLACES) * 2, value = (uint32_t)next(random);
  uint64_t *address = executing + PAGES * WORDS;
  for (int i = 0; i < PAGES; i++) {
    writing[i * WORDS + place] = function_returning(value + (uint32_t)i);
    if (below(random, 2)) unmap(address, PAGE);
    map_file(address, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, i * PAGE);
    uint32_t expected = value + (uint32_t)i;
    expect_value(try_execute(&address[place]), &address[place], expected, "code of a page in another's place");
  }
}

static void watch(int index, struct random *random) {
  (void)random;
  struct outcome outcome;
  unsigned number = atomic_load(&patched);
  if (number != executed[index].number) {
    uint64_t *address = executing + SHARED_PLACE;
    serialize();
    expect_value(try_execute(address), address, number, "code that another thread has patched");
    executed[index].number = number;
  }

  unsigned long before = current(&stage);
  outcome = try_execute(turning);
  unsigned value = atomic_load(&turningValue);
  unsigned long after = current(&stage);
  if (before != after || !is_settled(before)) return;
  if (state_of(before) == EXECUTABLE)
    expect_value(outcome, turning, value, "a page that is executable at the moment");
  else
    expect_fault(
        outcome, turning, SIGSEGV, SEGV_ACCERR, USER | FETCH | PRESENT, "a page that is not executable at the moment");
}

static void patch_for_others(void) {
  unsigned number = atomic_load(&patched) + 1;
  writing[SHARED_PLACE] = function_returning(number);
  atomic_store(&patched, number);
  wait_for_watchers();
}

static void turn(struct random *random) {
  begin_change(&stage);
  protect(turning, PAGE, PROT_READ | PROT_WRITE);
  end_change(&stage, WRITABLE);
  wait_for_watchers();
  begin_change(&stage);
  uint32_t value = (uint32_t)next(random);
  *turning = function_returning(value);
  atomic_store(&turningValue, value);
  protect(turning, PAGE, PROT_READ | PROT_EXEC);
  end_change(&stage, EXECUTABLE);
  for (int i = 0; i < PATCHES_FOR_OTHERS; i++) patch_for_others();
  wait_for_watchers();
  expect_value(try_execute(turning), turning, value, "a page that has turned executable");
}

unsigned long test_code(void) {
  struct random random = make_random(5);
  file = memfd_create("code", 0);
  if (file < 0 || ftruncate(file, PAGES * PAGE)) fail_call("memfd_create");
  writing = map_file(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  // One page more, for others to take its place.
  executing = map(NULL, (PAGES + 1) * PAGE, PROT_NONE, MAP_PRIVATE);
  map_file(executing, PAGES * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0);
  uint64_t *both = map(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
  turning = (uint64_t *)map_small_pages(PAGE, PAGE);
  lock(writing, PAGES * PAGE);
  lock(executing, PAGES * PAGE);
  lock(turning, PAGE);
  *turning = function_returning(0);
  protect(turning, PAGE, PROT_READ | PROT_EXEC);
  unsigned long count = 0;
  do {
    for (int i = 0; i < PATCHES; i++) {
      patch_by_another_address(&random);
      patch_itself(both, &random);
    }
    exchange_pages(&random);

    writing[SHARED_PLACE] = function_returning(atomic_load(&patched));
    start_watchers(watch);
    for (int i = 0; i < TURNS; i++) turn(&random);
    stop_watchers();
    count += 2 * PATCHES + PAGES + TURNS * (PATCHES_FOR_OTHERS + 2);
  } while (time_is_left());
  close(file);
  return count;
}
