#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

// The event loop's and process control's system calls, which Swift's Glibc module leaves out.
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

// glibc has pidfd_open since 2.36 only, and syscall is variadic.
static inline int ts_pidfd_open(int process) { return (int)syscall(SYS_pidfd_open, process, 0); }

// glibc declares syncfs only for programs that ask for GNU's extensions.
static inline int ts_syncfs(int descriptor) { return (int)syscall(SYS_syncfs, descriptor); }

// Starts a program in a process group of its own, with default signals, nothing on standard input, and standard output
// and error at the end of the file `log`. It gets SIGTERM when the thread that calls this ends, however that ends: only
// a child can ask for this, between fork and exec, where Swift may not run. Returns its process number, or -1 with errno.
static inline pid_t ts_spawn(const char *program, char *const arguments[], const char *log) {
  pid_t parent = getpid();
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child != 0) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    return child;
  }
  setpgid(0, 0);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  // A file at its size limit is an error code, as a full disk is.
  signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended before we asked.
  if (getppid() != parent) _exit(127);
  int input = open("/dev/null", O_RDONLY);
  // What the program says before it has read its configuration belongs into its log too.
  int output = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (input < 0 || output < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(127);
  // A broker that outlives us must not hold open what our caller waits on. glibc has close_range since 2.34 only.
  syscall(SYS_close_range, 3u, ~0u, 0u);
  execv(program, arguments);
  _exit(127);
}

void *memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);
static inline const void *ts_memmem(const void *text, size_t length, const void *part, size_t part_length) {
  return memmem(text, length, part, part_length);
}

#endif
