// Sleeps 1/RATE seconds after each message of no work, as simple publishers do, and prints the p50, p99 and highest lateness in
// seconds against start + n/RATE.
//   sleep RATE COUNT
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int arguments, char **argument) {
  if (arguments < 3) return 64;
  double rate = atof(argument[1]);
  int count = atoi(argument[2]);
  double *late = calloc((size_t)count, sizeof *late);
  struct timespec pause = {(time_t)(1 / rate), (long)(1e9 / rate) % 1000000000};
  double start = now();
  for (int n = 0; n < count; n++) {
    late[n] = now() - start - n / rate;
    nanosleep(&pause, NULL);
  }
  qsort(late, (size_t)count, sizeof *late, ascending);
  printf("%.9f %.9f %.9f\n", late[count / 2], late[(int)(count * 0.99)], late[count - 1]);
}
