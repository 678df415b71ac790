// Fills the memory of a Linux guest and reads it back from everywhere: `fill PERCENT`, of the memory that is available.
//
// Each CPU fills its share with words that follow from their addresses. Then each reads every other's share. Prints one
// line for each share and one with the sum; the first words that are wrong go to standard error. Exits with 1 where one
// was.
#include "cpus.h"

#include <sys/mman.h>

enum { MISMATCHES_TO_SHOW = 10 };

static struct cpu cpus[MOST_CPUS];
static int count;
static size_t words;
static uint64_t *shares[MOST_CPUS];
static atomic_ulong mismatches;

static uint64_t pattern(const uint64_t *word) {
  uint64_t mixed = (uint64_t)(uintptr_t)word * 0x9E3779B97F4A7C15;
  return mixed ^ mixed >> 29;
}

static void verify(int reader, int owner) {
  const volatile uint64_t *share = shares[owner];
  for (size_t i = 0; i < words; i++) {
    uint64_t found = share[i], expected = pattern(shares[owner] + i);
    if (found == expected) continue;
    if (atomic_fetch_add(&mismatches, 1) < MISMATCHES_TO_SHOW)
      fprintf(
          stderr, "CPU %d read %016lx at %p of CPU %d's share, which is %016lx\n", cpus[reader].number, found,
          (void *)(shares[owner] + i), cpus[owner].number, expected);
  }
}

static void *run(void *argument) {
  int self = (int)(intptr_t)argument;
  pin_to(cpus[self].number);
  uint64_t *share = mmap(NULL, words * sizeof *share, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (share == MAP_FAILED) fail("mmap");
  shares[self] = share;
  for (size_t i = 0; i < words; i++) share[i] = pattern(share + i);
  for (int step = 1; step < count; step++) {
    meet(count);
    verify(self, (self + step) % count);
  }
  return NULL;
}

static unsigned long available_kibibytes(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  if (!file) fail("/proc/meminfo");
  char line[256];
  unsigned long kibibytes;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "MemAvailable: %lu kB", &kibibytes) != 1) continue;
    fclose(file);
    return kibibytes;
  }
  fprintf(stderr, "/proc/meminfo does not tell what is available\n");
  exit(2);
}

int main(int argument_count, char **arguments) {
  char *end = "";
  double percent = argument_count == 2 ? strtod(arguments[1], &end) : 0;
  if (!(percent > 0 && percent <= 95) || *end) {
    fprintf(stderr, "usage: fill PERCENT (at most 95)\n");
    return 2;
  }
  count = list_cpus(cpus);
  if (count < 2) {
    fprintf(stderr, "fill needs two CPUs: one reads what the other has written\n");
    return 2;
  }
  size_t pages = (size_t)((double)available_kibibytes() * 1024 * percent / 100 / PAGE / count);
  if (!pages) {
    fprintf(stderr, "%s %% are less than a page for each CPU\n", arguments[1]);
    return 2;
  }
  words = pages * (PAGE / sizeof(uint64_t));
  run_threads(count, run);
  for (int i = 0; i < count; i++)
    printf("cpu %d on node %u: %zu pages, read by %d others\n", cpus[i].number, cpus[i].node, pages, count - 1);
  unsigned long wrong = atomic_load(&mismatches);
  printf("mismatches: %lu of %zu words\n", wrong, words * count * (count - 1));
  return wrong != 0;
}
