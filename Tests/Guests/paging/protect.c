// Protection: pages change theirs at random, and each access, by the program or by the kernel on its behalf, has to
// succeed or to fault as the page's protection says, with the right address, reason and error code.
//
// Each page begins with a function (`function_returning`), so that a read, a write and a call can be told apart.
#define _GNU_SOURCE
#include "paging.h"

#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 40, CHANGES = 4, ACCESSES = 60, READABLE = PROT_READ | PROT_WRITE | PROT_EXEC };

static char *memory;
static int file;
static struct page {
  int protection;
  bool isPresent;  // whether the kernel has mapped it since it was last empty
  uint64_t word;   // its first one
} pages[PAGES];

static const int protections[] = {
    PROT_NONE,
    PROT_READ,
    PROT_READ | PROT_WRITE,
    PROT_READ | PROT_EXEC,
    PROT_READ | PROT_WRITE | PROT_EXEC,
    PROT_WRITE,
    PROT_EXEC,
};

// With protection keys, a page that may only be executed cannot be read.
static unsigned protection_count(void) {
  unsigned a, b, c = 0, d, all = sizeof protections / sizeof *protections;
  bool hasKeys = __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1 << 4;
  return hasKeys ? all - 1 : all;
}

static unsigned long present(const struct page *page) {
  return page->isPresent && page->protection != PROT_NONE ? PRESENT : 0;
}

static void read_page(struct page *page, char *address) {
  struct outcome outcome = try_read(address);
  if (page->protection & READABLE) {
    expect_value(outcome, address, page->word, "a read");
    page->isPresent = true;
  } else {
    expect_fault(outcome, address, SIGSEGV, SEGV_ACCERR, USER, "a read of a page without access");
  }
}

static void write_page(struct page *page, char *address, uint64_t word) {
  struct outcome outcome = try_write(address, word);
  if (page->protection & PROT_WRITE) {
    expect_value(outcome, address, 0, "a write");
    page->isPresent = true;
    page->word = word;
  } else {
    unsigned long error = USER | WRITE | present(page);
    expect_fault(outcome, address, SIGSEGV, SEGV_ACCERR, error, "a write to a page that is not writable");
  }
}

static void execute_page(struct page *page, char *address) {
  if (page->protection & PROT_EXEC) {
    if (!page->word) return;
    expect_value(try_execute(address), address, page->word >> 8 & 0xFFFFFFFF, "a call");
    page->isPresent = true;
  } else {
    // The kernel maps the page where only execution is forbidden, and finds out at the next attempt.
    if (page->protection != PROT_NONE) page->isPresent = true;
    unsigned long error = USER | FETCH | present(page);
    expect_fault(
        try_execute(address), address, SIGSEGV, SEGV_ACCERR, error, "a call into a page that is not executable");
  }
}

// An access of eight bytes, the last four of which are in the next page, and that one is closed to it.
static void straddle(struct page *page, char *address, bool isWrite) {
  int needed = isWrite ? PROT_WRITE : READABLE;
  if (!page->isPresent || !(page->protection & needed) || page[1].protection & needed) return;
  char *start = address + PAGE - 4;
  struct outcome outcome = isWrite ? try_write(start, UINT64_MAX) : try_read(start);
  unsigned long error = USER | (isWrite ? WRITE | present(page + 1) : 0);
  expect_fault(outcome, address + PAGE, SIGSEGV, SEGV_ACCERR, error, "an access that goes on in a closed page");
  expect_value(try_read(start - 4), start - 4, 0, "the first part of an access that has faulted");
}

// The kernel reads the page for a system call.
static void let_kernel_read(struct page *page, char *address) {
  uint64_t word;
  ssize_t count = pwrite(file, address, sizeof word, 0);
  if (!(page->protection & READABLE)) {
    if (count >= 0 || errno != EFAULT)
      fail("pwrite from address %p without access: expected EFAULT, found %zd", (void *)address, count);
    return;
  }
  if (count != sizeof word || pread(file, &word, sizeof word, 0) != sizeof word) fail_call("pwrite");
  if (word != page->word)
    fail("pwrite from address %p: expected %#lx, found %#lx", (void *)address, page->word, word);
  page->isPresent = true;
}

static void let_kernel_write(struct page *page, char *address, uint64_t word) {
  if (pwrite(file, &word, sizeof word, 0) != sizeof word) fail_call("pwrite");
  ssize_t count = pread(file, address, sizeof word, 0);
  if (!(page->protection & PROT_WRITE)) {
    if (count >= 0 || errno != EFAULT)
      fail("pread to address %p that is not writable: expected EFAULT, found %zd", (void *)address, count);
    return;
  }
  if (count != sizeof word) fail_call("pread");
  page->isPresent = true;
  page->word = word;
}

static void access_page(unsigned index, struct random *random) {
  struct page *page = &pages[index];
  char *address = memory + (size_t)index * PAGE;
  uint64_t word = function_returning((uint32_t)next(random));
  switch (below(random, 6)) {
    case 0: read_page(page, address); break;
    case 1: write_page(page, address, word); break;
    case 2: execute_page(page, address); break;
    case 3: let_kernel_read(page, address); break;
    case 4: let_kernel_write(page, address, word); break;
    case 5:
      if (index < PAGES - 1) straddle(page, address, below(random, 2));
      break;
  }
}

// The processor knows the error code of an address of the kernel's; Linux reports all of them as present.
static void access_kernel(struct random *random) {
  static const uintptr_t addresses[] = {
      0xFFFFFFFF81000000, 0xFFFFFFFFFF5F0000, 0xFFFF888000000000, 0xFFFFC90000000000, 0xFFFFFE0000000000,
  };
  char *address = (char *)addresses[below(random, sizeof addresses / sizeof *addresses)] + below(random, 16) * PAGE;
  const char *what = "an access to the kernel's memory";
  switch (below(random, 3)) {
    case 0: expect_fault(try_read(address), address, SIGSEGV, SEGV_MAPERR, USER | PRESENT, what); break;
    case 1: expect_fault(try_write(address, 0), address, SIGSEGV, SEGV_MAPERR, USER | WRITE | PRESENT, what); break;
    case 2: expect_fault(try_execute(address), address, SIGSEGV, SEGV_MAPERR, USER | FETCH | PRESENT, what); break;
  }
}

unsigned long test_protect(void) {
  struct random random = make_random(2);
  unsigned protectionCount = protection_count();
  file = memfd_create("protect", 0);
  if (file < 0) fail_call("memfd_create");
  memory = map_small_pages(PAGES * PAGE, PAGE);
  lock(memory, PAGES * PAGE);
  for (int i = 0; i < PAGES; i++) pages[i] = (struct page){.protection = PROT_READ | PROT_WRITE};
  unsigned long count = 0;
  do {
    for (int i = 0; i < CHANGES; i++) {
      unsigned first = (unsigned)below(&random, PAGES), length = 1 + (unsigned)below(&random, PAGES - first);
      int protection = protections[below(&random, protectionCount)];
      protect(memory + first * PAGE, length * PAGE, protection);
      for (unsigned n = first; n < first + length; n++) pages[n].protection = protection;
      for (int n = 0; n < 8; n++) access_page(first + (unsigned)below(&random, length), &random);
    }
    for (int i = 0; i < ACCESSES; i++) access_page((unsigned)below(&random, PAGES), &random);
    access_kernel(&random);
    count += CHANGES * 8 + ACCESSES + 1;

    // Some become empty again: with another mapping, as locked pages cannot be given back.
    unsigned first = (unsigned)below(&random, PAGES), length = 1 + (unsigned)below(&random, 4);
    if (first + length > PAGES) continue;
    map(memory + first * PAGE, length * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED);
    advise(memory + first * PAGE, length * PAGE, MADV_NOHUGEPAGE);
    lock(memory + first * PAGE, length * PAGE);
    for (unsigned n = first; n < first + length; n++) pages[n] = (struct page){.protection = PROT_READ | PROT_WRITE};
  } while (time_is_left());
  unmap(memory, PAGES * PAGE);
  close(file);
  return count;
}
