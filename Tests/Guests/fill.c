// Fills the memory of a Linux guest and reads it back from everywhere: `fill PERCENT`, of all RAM that firmware says there
// is, with what the kernel itself has taken of it; or `fill NM`, which is N MiB.
//
// Each CPU fills its share with words that follow from their addresses. Then each reads every other's share. Prints
//
//   filled: N of N KiB of RAM
//
// when all have, then one line for each share, and in the end
//
//   mismatches: N of N words
//
// The first words that are wrong go to standard error. Exits with 1 where one was.
#include "cpus.h"

#include <sys/mman.h>

enum { MISMATCHES_TO_SHOW = 10 };

static struct cpu cpus[MOST_CPUS];
static int count;
static uint64_t ram;
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
    if (self == 0 && step == 1) {
      printf("filled: %zu of %lu KiB of RAM\n", count * words * sizeof *share / 1024, ram / 1024);
      fflush(stdout);
    }
    verify(self, (self + step) % count);
  }
  return NULL;
}

// Only root sees addresses in that file, and others zeros.
static uint64_t size_of_ram(void) {
  FILE *file = fopen("/proc/iomem", "r");
  if (!file) fail("/proc/iomem");
  char line[256];
  uint64_t first, last, sum = 0;
  int end;
  while (fgets(line, sizeof line, file)) {
    end = 0;
    if (sscanf(line, "%lx-%lx : System RAM\n%n", &first, &last, &end) == 2 && end && last > 0) sum += last - first + 1;
  }
  fclose(file);
  if (!sum) {
    fprintf(stderr, "/proc/iomem does not tell where RAM is\n");
    exit(2);
  }
  return sum;
}

// Bytes to fill; 0 where the text makes no sense.
static double parse_amount(const char *text) {
  char *end;
  double amount = strtod(text, &end), bytes = *end == 'M' ? amount * (1 << 20) : amount / 100 * (double)ram;
  int is_whole = end != text && (!*end || (*end == 'M' && !end[1]));
  return is_whole && bytes > 0 && bytes < (double)ram ? bytes : 0;
}

int main(int argument_count, char **arguments) {
  ram = size_of_ram();
  double amount = argument_count == 2 ? parse_amount(arguments[1]) : 0;
  if (!amount) {
    fprintf(stderr, "usage: fill PERCENT or fill NM, less than all RAM\n");
    return 2;
  }
  count = list_cpus(cpus);
  if (count < 2) {
    fprintf(stderr, "fill needs two CPUs: one reads what the other has written\n");
    return 2;
  }
  // Rounded up: it is to be that much at least.
  size_t pages = (size_t)(amount / PAGE / count) + 1;
  words = pages * (PAGE / sizeof(uint64_t));
  run_threads(count, run);
  for (int i = 0; i < count; i++)
    printf("cpu %d on node %u: %zu pages, read by %d others\n", cpus[i].number, cpus[i].node, pages, count - 1);
  unsigned long wrong = atomic_load(&mismatches);
  printf("mismatches: %lu of %zu words\n", wrong, words * count * (count - 1));
  return wrong != 0;
}
