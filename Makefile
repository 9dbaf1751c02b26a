# SPDX-License-Identifier: GPL-2.0-only
# Build, check and install vblade.  For GNU make and BSD make alike: no
# conditionals and no pattern rules, which the two write differently.

# For whoever builds.  README has the table.
CC		?= cc
CFLAGS		?= -O2 -g
PREFIX		?= /usr/local
SBINDIR		?= ${PREFIX}/sbin
LIBEXECDIR	?= ${PREFIX}/libexec
MANDIR		?= ${PREFIX}/share/man
DOCDIR		?= ${PREFIX}/share/doc/vblade
SYSCONFDIR	?= /etc
UNITDIR		?= ${PREFIX}/lib/systemd/system
GENERATORDIR	?= ${UNITDIR:%=%-generators}
BASHCOMPDIR	?= ${PREFIX}/share/bash-completion/completions
ZSHCOMPDIR	?= ${PREFIX}/share/zsh/site-functions
METRICSDIR	?= /var/lib/prometheus/node-exporter
INITDIR		?=
OPENRCDIR	?=
RCDIR		?= ${PREFIX}/etc/rc.d
INSTALL		?= install
MAINTAINER	?= ${NOBODY}
RPMBUILD	?= rpmbuild
GCOV		?= gcov
FUZZ_CC		?= clang
FUZZ_SECONDS	?= 60
HARDEN		?= yes

# The file that knows the operating system: linux.c or freebsd.c.
PLATFORM	!= uname -s | tr A-Z a-z
VERSION		!= sed -n \
	's/^.define[[:space:]]*VERSION[[:space:]]*"\(.*\)"/\1/p' config.h

# Ours; they come before CPPFLAGS, CFLAGS and LDFLAGS, which have the last word.
STD	= -std=c11 -D_FILE_OFFSET_BITS=64
SRC	= -D_GNU_SOURCE -I.
WARN	= -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	  -Wwrite-strings -Wformat=2 -Wvla -Wimplicit-fallthrough

# glibc warns of _FORTIFY_SOURCE without -O, and compilers of a second value.
# The third level is asked for where libc says that the compiler can do it.
FORTIFY		!= case "${CPPFLAGS} ${CFLAGS}" in *_FORTIFY_SOURCE*) ;; \
	*-O[1-9sgfz]*) level=2; : | ${CC} -O2 -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=3 -include stdio.h -dM -E -x c - 2>/dev/null | \
	grep -q '__USE_FORTIFY_LEVEL 3' && level=3; \
	echo "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$$level";; esac

# Not every compiler has these, nor has it them for every machine: they are
# tried.  Into files, for a linker may put its output in place of /dev/null.
CC_TRY	= -fstack-clash-protection -fcf-protection
LD_TRY	= -Wl,-z,noexecstack
CC_CAN	!= d=$$(mktemp -d) || exit 0; echo 'int x;' >"$$d/x.c"; \
	for f in ${CC_TRY}; do ${CC} ${CPPFLAGS} ${CFLAGS} -Werror "$$f" -c \
	-o "$$d/x.o" "$$d/x.c" >"$$d/log" 2>&1 && echo "$$f"; done; rm -rf "$$d"
LD_CAN	!= d=$$(mktemp -d) || exit 0; echo 'int main(void){return 0;}' \
	>"$$d/x.c"; for f in ${LD_TRY}; do ${CC} ${CPPFLAGS} ${CFLAGS} \
	${LDFLAGS} -Werror "$$f" -o "$$d/x" "$$d/x.c" >"$$d/log" 2>&1 && \
	echo "$$f"; done; rm -rf "$$d"
CC_yes		= -fstack-protector-strong ${FORTIFY} ${CC_CAN} -fPIE
LD_yes		= -pie -Wl,-z,relro,-z,now ${LD_CAN}

# Each way to build has a directory of its own, so that objects never mix:
# plain, SAN=1 (sanitizers), COV=1 (coverage), FUZZ=1 (libFuzzer).  Only the
# plain program is ./vblade, the others stay beside their objects.
WAY		= ${SAN:1=san}${COV:1=cov}${FUZZ:1=fuzz}
BUILD		= build${WAY:%=-%}
PROG		= ${WAY:%=${BUILD}/}vblade

SANITIZE	= -fsanitize=address,undefined -fno-sanitize-recover=all \
		  -fno-omit-frame-pointer
CCWAY_		= ${CC_${HARDEN}}
CCWAY_san	= ${SANITIZE}
CCWAY_cov	= --coverage -O0
CCWAY_fuzz	= ${SANITIZE} -fsanitize=fuzzer-no-link
LDWAY_		= ${LD_${HARDEN}}
LDWAY_san	= ${SANITIZE}
LDWAY_cov	= --coverage
LDWAY_fuzz	= ${SANITIZE}
LIBFUZZER	= -fsanitize=fuzzer -DLIBFUZZER

DEPS	= -MMD -MP -MT $@
CCARGS	= ${STD} ${SRC} ${WARN} ${CCWAY_${WAY}} ${CPPFLAGS} ${CFLAGS}
LDARGS	= ${LDWAY_${WAY}} ${LDFLAGS}

# What the tests link is everything but main.o.  The system's file comes first:
# on a system that has none the message about it does, too.
MORE_linux = ${BUILD}/linux-link.o ${BUILD}/linux-disk.o \
	  ${BUILD}/linux-confine.o
MORE_freebsd = ${BUILD}/freebsd-link.o ${BUILD}/freebsd-disk.o \
	  ${BUILD}/freebsd-confine.o
PARTS	= ${BUILD}/${PLATFORM}.o ${BUILD}/args.o ${BUILD}/bpf.o ${BUILD}/aoe.o \
	  ${BUILD}/ata.o ${BUILD}/clash.o ${BUILD}/disk.o ${BUILD}/drop.o \
	  ${BUILD}/queue.o \
	  ${BUILD}/notify.o ${BUILD}/state.o ${BUILD}/stats.o \
	  ${BUILD}/links.o ${BUILD}/log.o ${BUILD}/events.o ${MORE_${PLATFORM}}
OBJS	= ${PARTS} ${BUILD}/main.o

CHECKS	!= for f in tests/check_*.c; do test ! -f "$$f" || \
	echo "${BUILD}/$$(basename "$$f" .c)"; done
FUZZERS	!= for f in tests/fuzz_*.c; do test ! -f "$$f" || \
	echo "${BUILD}/$$(basename "$$f" .c)"; done
TOOLS	!= for f in tests/bench/*.c; do test ! -f "$$f" || \
	echo "$${f%.c}"; done
INITIATOR_C	!= ls tests/initiator*.c 2>/dev/null || :
INITIATOR	!= test ! -f tests/initiator.c || echo tests/initiator

# The store that fails when it is told to needs libfuse 3, or there is none.
FAULTFS	!= if test -f tests/faultfs.c && \
	pkg-config --exists fuse3 2>/dev/null; then echo tests/faultfs; fi

# What fuzz_state has in place of the system; see tests/world.h.
WRAP	= -Wl,--wrap
WORLD_fuzz_state = ${WRAP}=net_recv ${WRAP}=net_release ${WRAP}=net_links \
	  ${WRAP}=net_pollfds ${WRAP}=net_waits ${WRAP}=net_send \
	  ${WRAP}=net_refresh ${WRAP}=net_stats ${WRAP}=net_clock \
	  ${WRAP}=io_open ${WRAP}=io_pollfd ${WRAP}=io_add ${WRAP}=io_submit \
	  ${WRAP}=io_next ${WRAP}=os_flush ${WRAP}=os_trim \
	  ${WRAP}=os_cantrim ${WRAP}=log_event ${WRAP}=log_answer

# What the compiler found out about includes.  BSD make does not like an empty
# list here.
FOUND	!= for f in build/*.d ${BUILD}/*.d /dev/null; do \
	test ! -r "$$f" || echo "$$f"; done | sort -u

# One short line per file; V=1 shows the commands.
QUIET_	= @
Q	= ${QUIET_${V}}

.PHONY: all tools check check-build have-check coverage fuzz fuzz-build bench \
	install uninstall clean version dist deb rpm

all: ${PROG}

${PROG}: ${OBJS}
	@echo "  LINK  $@"
	${Q}${CC} ${CFLAGS} ${LDARGS} -o $@ ${OBJS} ${LDLIBS}

# The first time there is nothing to compare with; from then on the .d files
# name the sources.
${OBJS}:
	@test -f ${@F:.o=.c} || { echo "PLATFORM=${PLATFORM}: there is no" \
	    "${@F:.o=.c}; linux and freebsd work" >&2; exit 1; }
	@case "${WAY},${HARDEN}" in ,yes | ,no | san,* | cov,* | fuzz,*) ;; \
	    *) echo "SAN is 1 or not set, and HARDEN yes or no" >&2; exit 1;; \
	    esac
	@mkdir -p ${BUILD}
	@echo "  CC    $@"
	${Q}${CC} ${CCARGS} ${DEPS} -MF ${@:.o=.d} -c -o $@ ${@F:.o=.c}

# Helpers of the tests.  They link nothing of ours, and are never built with
# sanitizers: what they measure is the target.
tools: ${INITIATOR} ${TOOLS} ${FAULTFS}

${TOOLS}:
	@mkdir -p build
	@echo "  CC    $@"
	${Q}${CC} ${STD} ${WARN} ${CPPFLAGS} ${CFLAGS} ${DEPS} \
	    -MF build/${@F}.d ${LDFLAGS} -o $@ $@.c ${LDLIBS} -lm -lpthread

tests/initiator: ${INITIATOR_C} tests/initiator.h tests/initiator-load.h
	@echo "  CC    $@"
	${Q}${CC} ${STD} -D_GNU_SOURCE ${WARN} ${CPPFLAGS} ${CFLAGS} \
	    ${LDFLAGS} -o $@ ${INITIATOR_C} ${LDLIBS}

tests/faultfs: tests/faultfs.c
	@mkdir -p build
	@echo "  CC    $@"
	${Q}${CC} ${STD} -D_DEFAULT_SOURCE ${WARN} ${CPPFLAGS} ${CFLAGS} \
	    $$(pkg-config --cflags fuse3) ${LDFLAGS} -o $@ tests/faultfs.c \
	    ${LDLIBS} $$(pkg-config --libs fuse3) -lpthread

# Unit tests: every object but main.o, and libcheck.
check: check-build
	@bad=0; for t in ${CHECKS}; do echo "  TEST  $$t"; \
	    "$$t" || bad=1; done; \
	for f in ${FUZZERS}; do echo "  SEEDS $$f"; \
	    "$$f" tests/seeds/$${f##*fuzz_} || bad=1; done; exit $$bad

check-build: have-check tools ${CHECKS} ${FUZZERS}

have-check:
	@echo '#include <check.h>' | ${CC} ${CPPFLAGS} ${CFLAGS} -E - \
	    >/dev/null 2>&1 || { echo "libcheck is missing:" \
	    "NO UNIT TEST RUNS; install it" \
	    "(Debian: apt-get install check pkg-config;" \
	    "FreeBSD: pkg install check pkgconf) and try again" >&2; exit 1; }

${CHECKS}: ${PARTS}
	@echo "  CC    $@"
	${Q}${CC} ${CCARGS} ${DEPS} -MF $@.d \
	    $$(pkg-config --cflags check 2>/dev/null) ${LDARGS} \
	    -o $@ tests/${@F}.c ${PARTS} ${LDLIBS} $$(pkg-config --libs check \
	    2>/dev/null || echo -lcheck -lsubunit -lm -lrt -lpthread)

${FUZZERS}: ${PARTS}
	@echo "  CC    $@"
	${Q}${CC} ${CCARGS} ${DEPS} -MF $@.d ${LDARGS} ${FUZZ:1=${LIBFUZZER}} \
	    -o $@ tests/${@F}.c ${PARTS} ${WORLD_${@F}} ${LDLIBS}

# Line coverage of the two rooms that strangers' bytes walk through.
coverage:
	@rm -f build-cov/*.gcda
	${Q}${MAKE} COV=1 CFLAGS="-O0 -g" check-build
	-${Q}${MAKE} COV=1 CFLAGS="-O0 -g" check
	@for f in aoe ata; do ${GCOV} -o build-cov build-cov/$$f.o | sed -n \
	    -e "/^File '$$f.c'/{n" -e "s/^Lines executed:/$$f.c: /" \
	    -e "s/% of \(.*\)/ % of \1 lines/p" -e "}" && \
	    sed -n "s/^ *#####: *\([0-9]*\):/  never run: $$f.c:\1:/p" \
	    $$f.c.gcov; done; mv ./*.gcov build-cov/

# libFuzzer from the seeds on, for FUZZ_SECONDS each; what it finds worth
# keeping goes to build-fuzz/corpus, what breaks us to build-fuzz/crash-*.
FUZZ_frame	= -max_len=20000
FUZZ_state	= -max_len=4096 -timeout=60

fuzz:
	${Q}${MAKE} FUZZ=1 CC="${FUZZ_CC}" fuzz-build
	@mkdir -p build-fuzz/corpus/frame build-fuzz/corpus/state
	build-fuzz/fuzz_frame -max_total_time=${FUZZ_SECONDS} ${FUZZ_frame} \
	    -artifact_prefix=build-fuzz/ -print_final_stats=1 \
	    build-fuzz/corpus/frame tests/seeds/frame
	build-fuzz/fuzz_state -max_total_time=${FUZZ_SECONDS} ${FUZZ_state} \
	    -artifact_prefix=build-fuzz/ -print_final_stats=1 \
	    build-fuzz/corpus/state tests/seeds/state

fuzz-build: ${FUZZERS}

bench: ${PROG} tools
	QUICK="${QUICK}" sh tests/bench/bench

# The folders that scripts, units and manuals name, as they are installed.
EDIT	= sed -e 's,/usr/local/libexec,${LIBEXECDIR},g' \
	  -e 's,^sbin=.*,sbin=${SBINDIR},' \
	  -e 's,/usr/local/sbin/vb,${SBINDIR}/vb,g' \
	  -e 's,/usr/local/share/doc/vblade,${DOCDIR},g' \
	  -e 's,/usr/local/lib/systemd/system,${UNITDIR},g' \
	  -e 's,/var/lib/prometheus/node-exporter,${METRICSDIR},g' \
	  -e 's,/etc/vblade.conf.d,${SYSCONFDIR}/vblade.conf.d,g'

# What goes where: MODE:FILE:FOLDER[:NAME].  An empty folder is one that nobody
# wants.  A "link" is one to FILE; a "dir" is ours, and stays while it has
# files.
MAN8	= ${MANDIR:%=%/man8}
EXAMPLES = ${DOCDIR:%=%/examples}
FILES	= 755:vblade:${SBINDIR} 755:vbladed:${SBINDIR} \
	  644:vblade.8:${MAN8} 644:vbladed.8:${MAN8} \
	  644:contrib/completion/vblade.bash:${BASHCOMPDIR}:vblade \
	  link:vblade:${BASHCOMPDIR}:vbladed \
	  644:contrib/completion/_vblade:${ZSHCOMPDIR} ${FILES_${PLATFORM}}
FILES_linux = 755:contrib/start/vblade-start:${LIBEXECDIR} \
	  644:vblade.conf.5:${MANDIR:%=%/man5} \
	  644:contrib/start/mail.conf:${EXAMPLES} \
	  dir::${EXAMPLES} dir::${DOCDIR} \
	  dir::${SYSCONFDIR:%=%/vblade.conf.d} \
	  644:contrib/systemd/vblade@.service:${UNITDIR} \
	  644:contrib/systemd/vblade.target:${UNITDIR} \
	  755:contrib/systemd/vblade-generator:${GENERATORDIR} \
	  755:contrib/sysv/vblade:${INITDIR} \
	  755:contrib/openrc/vblade:${OPENRCDIR} \
	  755:contrib/vblade-stat/vblade-stat:${SBINDIR} \
	  644:contrib/vblade-stat/vblade-stat.8:${MAN8} \
	  755:contrib/prometheus/vblade-metrics:${LIBEXECDIR} \
	  644:contrib/prometheus/vblade-metrics.service:${UNITDIR} \
	  644:contrib/prometheus/vblade-metrics.timer:${UNITDIR}
FILES_freebsd = 555:contrib/freebsd/vblade:${RCDIR}
# In a shell of its own: MODE is $$1, FILE $$2, FOLDER $$3; to is the path.
SPLIT	= IFS=:; set -- $$f; test -n "$$3" || exit 0; \
	  to="${DESTDIR}$$3/$${4:-$${2\#\#*/}}"

install: all
	@mkdir -p build
	@for f in ${FILES}; do ( ${SPLIT}; echo "  PUT   $$to"; \
	    ${INSTALL} -d "${DESTDIR}$$3" || exit; \
	    case $$1 in dir) exit ;; link) ln -sf "$$2" "$$to"; exit ;; esac; \
	    case $$2 in vblade) cat vblade ;; *) ${EDIT} "$$2" ;; esac \
	    >build/put && ${INSTALL} -m "$$1" build/put "$$to" ) || exit; done
	@rm -f build/put

uninstall:
	@for f in ${FILES}; do ( ${SPLIT}; case $$1 in \
	    dir) rmdir "${DESTDIR}$$3" 2>/dev/null || : ;; \
	    *) rm -f "$$to" ;; esac ) || exit; done

clean:
	rm -rf build build-san build-cov build-fuzz
	rm -f vblade ${TOOLS} tests/initiator tests/faultfs

# For scripts; config.h is its home.
version:
	@echo ${VERSION}

# What a release holds.  Files that git does not know stay out by their names.
TOP	= .clang-tidy COPYING HACKING Makefile NEWS README SECURITY \
	  vblade.8 vblade.conf.5 vbladed vbladed.8
NAME	= vblade-${VERSION}

# The same bytes from the same commit, whoever packs it, when and under which
# umask: the time is the commit's, or in an unpacked release that of its files.
dist:
	@rm -rf build/${NAME} ${NAME}.tar.gz
	@mkdir -p build/${NAME}
	@ls ${TOP} *.c *.h >build/dist.top
	@find .ci contrib tests -type f ! -name '*~' ! -name '.*.sw?' \
	    ! -path '*/cache/*' >build/dist.sub
	@for t in ${TOOLS} tests/initiator tests/faultfs; do echo "$$t"; done \
	    >build/dist.not
	@cat build/dist.top build/dist.sub | grep -vxF -f build/dist.not | \
	    LC_ALL=C sort >build/dist
	@tar cf - -T build/dist | (cd build/${NAME} && tar xf -)
	@sed 's,^,${NAME}/,' build/dist >build/dist.top
	@cd build && find ${NAME} -type f ! -perm -100 -exec chmod 644 {} + && \
	    find ${NAME} -type f -perm -100 -exec chmod 755 {} +
	@epoch=$${SOURCE_DATE_EPOCH:-$$(test ! -e .git || \
	    git -c safe.directory='*' log -1 --format=%ct)}; \
	    epoch=$${epoch:-$$(date -r NEWS +%s)}; \
	    day=$$(date -u -d "@$$epoch" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || \
	    date -u -r "$$epoch" +%Y-%m-%dT%H:%M:%SZ) && \
	    find build/${NAME} -type f -exec touch -d "$$day" {} +
	@case $$(tar --version) in *GNU*) \
	    own='--owner=0 --group=0 --numeric-owner';; \
	    *) own='--uid 0 --gid 0 --uname= --gname=';; esac; \
	    echo "  DIST  ${NAME}.tar.gz"; cd build && \
	    tar cf - --format=ustar $$own -T dist.top | gzip -9n \
	    >../${NAME}.tar.gz
	@rm -rf build/${NAME}

# Who answers for a package; stands in its files where this is now.
NOBODY	= vblade maintainers <maintainers@vblade.example>
SIGN	= test "${MAINTAINER}" != "${NOBODY}" || echo "  NOTE  nobody answers" \
	  "for this package yet: set MAINTAINER if you hand it out"; \
	  who=$$(printf '%s\n' "${MAINTAINER}" | sed 's/[&|\\]/\\&/g') && \
	  sed -i "s|${NOBODY}|$$who|"

# A package for Debian, in a copy that has debian/ where its tools want it.
deb: dist
	@rm -rf build/deb
	@mkdir -p build/deb
	@tar xzf ${NAME}.tar.gz -C build/deb
	@cp -R build/deb/${NAME}/contrib/debian build/deb/${NAME}/debian
	@cd build/deb/${NAME}/debian && ${SIGN} control changelog NEWS
	cd build/deb/${NAME} && unset MAKEFLAGS MFLAGS MAKELEVEL && \
	    DEB_BUILD_OPTIONS="noautodbgsym $$DEB_BUILD_OPTIONS" \
	    dpkg-buildpackage -b -us -uc
	cp build/deb/*.deb .

# And one for Fedora, openSUSE and others.
rpm: dist
	@rm -rf build/rpm
	@mkdir -p build/rpm
	@cp contrib/rpm/vblade.spec build/rpm
	@${SIGN} build/rpm/vblade.spec
	unset MAKEFLAGS MFLAGS MAKELEVEL && ${RPMBUILD} -bb \
	    --define "_topdir $$PWD/build/rpm" --define "_sourcedir $$PWD" \
	    --define '_buildhost localhost' \
	    --define "packager ${MAINTAINER}" build/rpm/vblade.spec
	cp build/rpm/RPMS/*/vblade-${VERSION}-*.rpm .

-include ${FOUND}
