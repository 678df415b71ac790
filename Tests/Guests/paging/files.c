// Files in memory: mapped twice, once more privately, read and written, by a child too, written back, punctured, and
// cut short, after which what is beyond the end must fault.
#define _GNU_SOURCE
#include "paging.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 32, LENGTH = PAGES * PAGE, STEPS = 24 };

static int file;
static char *one, *other, *private;
static unsigned size;              // in pages
static uint64_t keys[PAGES];       // 0: all zero
static uint64_t privateKeys[PAGES];  // 0: the file's page shows

static void check_contents(const char *page, uint64_t key, const char *what) {
  if (key)
    check(page, key, what);
  else
    check_zero(page, what);
}

static void check_page(unsigned index) {
  char *pages[] = {one + index * PAGE, other + index * PAGE, private + index * PAGE};
  if (index >= size) {
    for (int i = 0; i < 3; i++)
      expect_fault(try_read(pages[i]), pages[i], SIGBUS, BUS_ADRERR, USER, "what lies beyond the file's end");
    return;
  }
  char contents[PAGE];
  ssize_t count = pread(file, contents, PAGE, index * PAGE);
  if (count != PAGE) fail("pread of page %u of %u: expected %d bytes, found %zd", index, size, PAGE, count);
  check_contents(contents, keys[index], "a file's page as read");
  check_contents(pages[0], keys[index], "a file's page");
  check_contents(pages[1], keys[index], "a file's page by its second address");
  uint64_t key = privateKeys[index] ? privateKeys[index] : keys[index];
  check_contents(pages[2], key, "a file's page in a private mapping");
}

static void write_page(unsigned index, struct random *random) {
  uint64_t key = next(random) | 1;
  char contents[PAGE];
  switch (below(random, 5)) {
    case 0: fill(one + index * PAGE, key); break;
    case 1: fill(other + index * PAGE, key); break;
    case 2:
      fill(contents, key);
      if (pwrite(file, contents, PAGE, index * PAGE) != PAGE) fail_call("pwrite");
      break;
    case 3: {
      pid_t child = fork_child();
      if (child == 0) {
        fill(one + index * PAGE, key);
        fill(private + index * PAGE, ~key);
        check(other + index * PAGE, key, "a file's page in the child");
        check(private + index * PAGE, ~key, "the child's own page");
        _exit(0);
      }
      wait_for(child, 0);
      break;
    }
    case 4:
      fill(private + index * PAGE, key);
      privateKeys[index] = key;
      return;
  }
  keys[index] = key;
}

static void change(struct random *random) {
  unsigned first = (unsigned)below(random, size), count = 1 + (unsigned)below(random, 4);
  if (first + count > size) count = size - first;
  switch (below(random, 6)) {
    case 0:
      if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first * PAGE, count * PAGE))
        fail_call("fallocate");
      memset(&keys[first], 0, count * sizeof *keys);
      break;
    case 1:
      if (msync(one + first * PAGE, count * PAGE, MS_SYNC)) fail_call("msync");
      break;
    case 2: advise(one + first * PAGE, count * PAGE, MADV_DONTNEED); break;
    case 3:
      advise(private + first * PAGE, count * PAGE, MADV_DONTNEED);
      memset(&privateKeys[first], 0, count * sizeof *keys);
      break;
    default: write_page(first, random); break;
  }
  for (unsigned i = first; i < first + count; i++) check_page(i);
}

static void set_size(unsigned pages) {
  if (ftruncate(file, pages * PAGE)) fail_call("ftruncate");
  for (unsigned i = pages; i < size; i++) keys[i] = privateKeys[i] = 0;
  size = pages;
  for (unsigned i = 0; i < PAGES; i++) check_page(i);
}

unsigned long test_files(void) {
  struct random random = make_random(9);
  file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) fail_call("/tmp");
  if (ftruncate(file, LENGTH)) fail_call("ftruncate");
  size = PAGES;
  one = map_file(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  other = map_file(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  private = map_file(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  memset(keys, 0, sizeof keys);
  memset(privateKeys, 0, sizeof privateKeys);
  unsigned long count = 0;
  do {
    for (int i = 0; i < STEPS; i++) change(&random);
    set_size(1 + (unsigned)below(&random, PAGES - 1));
    for (int i = 0; i < STEPS; i++) change(&random);
    set_size(PAGES);
    count += 2 * (STEPS + PAGES);
  } while (time_is_left());
  unmap(one, LENGTH);
  unmap(other, LENGTH);
  unmap(private, LENGTH);
  close(file);
  return count;
}
