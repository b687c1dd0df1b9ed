/*
 * Preloaded into a process, this makes its disk fail: the nth call of a kind on files whose path contains DISK_PATH is
 * refused, cut short or delayed, or the process dies in it. DISK_CONTROL names a file of six int32 that the harness
 * writes while the process runs (see fault-disk.ts). The process and its children share one count.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, FSYNC = 4, RENAME = 8 };
enum { ERROR = 1, SHORT = 2, KILL = 3, DELAY = 4 };

/* ops: the kinds of calls that count; nth: the call that fails, from 1; -1 for every call, 0 for none. */
struct control { int32_t ops, nth, action, value, count, fired; };

static struct control *control;
static const char *wanted;

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_CONTROL");
  wanted = getenv("DISK_PATH");
  if (!path || !wanted) return;
  int (*open_file)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int fd = open_file(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) control = mapped;
  close(fd);
}

static int is_wanted_fd(int fd) {
  char link[64], path[4096];
  if (!control) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, wanted) != NULL;
}

/* Counts a call and returns the action to apply, or 0. A delay or a death happens here. */
static int strike(int op) {
  if (!(control->ops & op)) return 0;
  /* Only a write can be cut short. */
  if (control->action == SHORT && op != WRITE) return 0;
  int32_t call = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  if (control->nth != -1 && control->nth != call) return 0;
  __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
  int action = control->action;
  if (action == KILL) kill(getpid(), SIGKILL);
  if (action == DELAY) {
    struct timespec pause = { control->value / 1000, (control->value % 1000) * 1000000L };
    nanosleep(&pause, NULL);
  }
  if (action == ERROR) errno = control->value;
  return action;
}

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = va_arg(rest, mode_t); \
    va_end(rest); \
    if (control && (flags & O_CREAT) && strstr(path, wanted) && strike(OPEN) == ERROR) return -1; \
    return real(path, flags, mode); \
  }
OPENS(open)
OPENS(open64)

#define WRITES(name, parameters, arguments, shorter) \
  ssize_t name parameters { \
    REAL(name); \
    if (is_wanted_fd(fd)) { \
      int action = strike(WRITE); \
      if (action == ERROR) return -1; \
      if (action == SHORT && size > 1) return real shorter; \
    } \
    return real arguments; \
  }
WRITES(write, (int fd, const void *bytes, size_t size), (fd, bytes, size), (fd, bytes, size / 2))
WRITES(pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), (fd, bytes, size / 2, at))
WRITES(pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at), (fd, bytes, size / 2, at))
WRITES(writev, (int fd, const struct iovec *parts, int size), (fd, parts, size), (fd, parts, size / 2))

#define SYNCS(name) \
  int name(int fd) { \
    REAL(name); \
    if (is_wanted_fd(fd) && strike(FSYNC) == ERROR) return -1; \
    return real(fd); \
  }
SYNCS(fsync)
SYNCS(fdatasync)

int rename(const char *from, const char *to) {
  REAL(rename);
  if (control && strstr(to, wanted) && strike(RENAME) == ERROR) return -1;
  return real(from, to);
}
