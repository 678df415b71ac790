# make            build/bigiron.elf   the kernel, a Multiboot 1 and 2 image
# make iso        build/bigiron.iso   boots from BIOS and UEFI, CD or USB stick
# make clean      removes everything that was built

TRIPLE := x86_64-unknown-none-elf
# Not with what is built for the host: SwiftPM 6.3 keeps one plan for all triples of a configuration, and now and then
# takes one triple's for the other's ("No target named … in build description").
PRODUCTS := .build/$(TRIPLE)
SWIFT_BUILD := swift build --scratch-path $(PRODUCTS) --triple $(TRIPLE) --toolset toolset.json -c release --product Kernel
LIBRARY := $(PRODUCTS)/$(TRIPLE)/release/libKernel.a
OBJECTS := $(patsubst Boot/%.asm,build/%.o,$(wildcard Boot/*.asm))
LINK := ld.lld -static --gc-sections -z max-page-size=4096 --no-warnings -T linker.ld

.PHONY: all iso guests clean swift
all: build/bigiron.elf

# SwiftPM knows best what has to be compiled. It only ever adds to an archive, so a source file that is gone
# would stay in it: the archive is made anew each time.
swift:
	@rm -f $(LIBRARY)
	@$(SWIFT_BUILD) --quiet
$(LIBRARY): swift ;

build/%.o: Boot/%.asm Boot/processor.inc Boot/registers.inc
	@mkdir -p build
	nasm -f elf64 -Werror -o $@ $<

# The symbol table for backtraces is made from a first link and put into a second one, at the very end,
# where it moves nothing. The old file stands until the new one is whole: a test may be reading it.
build/bigiron.elf: $(LIBRARY) $(OBJECTS) linker.ld scripts/symbols.py
	python3 scripts/symbols.py --empty build/symbols.bin
	nasm -f elf64 -o build/symbols.o -DTABLE='"build/symbols.bin"' scripts/symbols.inc
	$(LINK) -o build/bigiron.first.elf $(OBJECTS) build/symbols.o $(LIBRARY)
	python3 scripts/symbols.py build/bigiron.first.elf build/symbols.bin
	nasm -f elf64 -o build/symbols.o -DTABLE='"build/symbols.bin"' scripts/symbols.inc
	$(LINK) -o build/bigiron.second.elf $(OBJECTS) build/symbols.o $(LIBRARY)
	@mv build/bigiron.second.elf $@
	@rm build/bigiron.first.elf

# The guest of the image: Debian's kernel and a small initramfs. OPTIONS="key=value ..." go to Big Iron.
iso: build/bigiron.elf
	scripts/guest-kernel.sh
	PYTHONPATH=scripts python3 -m cluster.image --options "$(OPTIONS)" build/bigiron.iso

# For the tests, Multiboot guests: flat ones that carry their own addresses, and one as ELF. Then programs for Linux,
# each a file or a directory.
GUESTS := $(patsubst Tests/Guests/%.asm,build/guests/%,$(wildcard Tests/Guests/*.asm))
PROGRAMS := $(patsubst Tests/Guests/%.c,build/guests/%,$(wildcard Tests/Guests/*.c)) build/guests/paging
COMPILE_PROGRAM := gcc -std=c17 -O2 -Wall -Wextra -Werror -pthread -static -s
guests: $(GUESTS) build/guests/hello.elf $(PROGRAMS)

build/guests/%: Tests/Guests/%.asm Tests/Guests/guest.inc
	@mkdir -p build/guests
	nasm -f bin -i Tests/Guests/ -o $@ $<

build/guests/hello.elf: Tests/Guests/hello.asm Tests/Guests/guest.inc
	@mkdir -p build/guests
	nasm -f elf32 -i Tests/Guests/ -o build/guests/hello.o $<
	ld.lld -m elf_i386 --image-base=0x100000 -e start -o $@ build/guests/hello.o

build/guests/%: Tests/Guests/%.c Tests/Guests/cpus.h
	@mkdir -p build/guests
	$(COMPILE_PROGRAM) -o $@ $<

build/guests/paging: $(wildcard Tests/Guests/paging/*)
	@mkdir -p build/guests
	$(COMPILE_PROGRAM) -o $@ $(filter %.c,$^)

clean:
	rm -rf build .build
