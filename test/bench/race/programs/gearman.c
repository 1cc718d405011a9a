/*
 * Client and worker of gearmand in its binary protocol, with the requests of a turn in one write: libgearman's own client
 * writes each by itself and costs four times as much.
 *   gearman client PORT FUNCTION OUTSTANDING   commands on stdin: `burst COUNT`, `single COUNT`,
 *                                              `fill COUNT` (jobs that nobody takes)
 *   gearman worker PORT AHEAD                  knows `noop`, and `true`, which starts the program and waits for it
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  CAN_DO = 1, PRE_SLEEP = 4, NOOP = 6, SUBMIT_JOB = 7, SUBMIT_JOB_BG = 18, JOB_CREATED = 8, GRAB_JOB = 9,
  NO_JOB = 10, JOB_ASSIGN = 11, WORK_COMPLETE = 13, WORK_FAIL = 14, ERROR_PACKET = 19
};

extern char **environ;

static int server;
static char out[1 << 18], in[1 << 18];
static size_t out_bytes, in_bytes, in_at;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void flush(void) {
  for (size_t at = 0; at < out_bytes;) {
    ssize_t sent = write(server, out + at, out_bytes - at);
    if (sent <= 0) fail("write");
    at += (size_t)sent;
  }
  out_bytes = 0;
}

static void say(uint32_t type, const char *data, size_t bytes) {
  if (out_bytes + bytes + 12 > sizeof out) flush();
  uint32_t head[3] = {htonl(0x00524551), htonl(type), htonl((uint32_t)bytes)};
  memcpy(out + out_bytes, head, 12);
  memcpy(out + out_bytes + 12, data, bytes);
  out_bytes += 12 + bytes;
}

/* Returns the type of the next packet that is there; `wait`: reads until there is one, else 0. */
static uint32_t hear(char **data, uint32_t *bytes, int wait) {
  for (;;) {
    if (in_bytes - in_at >= 12) {
      uint32_t head[3];
      memcpy(head, in + in_at, 12);
      *bytes = ntohl(head[2]);
      if (in_bytes - in_at >= 12 + *bytes) {
        *data = in + in_at + 12;
        in_at += 12 + *bytes;
        return ntohl(head[1]);
      }
    }
    if (!wait) return 0;
    memmove(in, in + in_at, in_bytes - in_at);
    in_bytes -= in_at;
    in_at = 0;
    ssize_t got = read(server, in + in_bytes, sizeof in - in_bytes);
    if (got <= 0) exit(0); /* the server has ended */
    in_bytes += (size_t)got;
  }
}

static void dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Waits for one packet of that type, and takes those that have come with it. */
static long results(uint32_t wanted) {
  long done = 0;
  char *data;
  uint32_t bytes;
  for (int wait = 1;; wait = done == 0) {
    uint32_t type = hear(&data, &bytes, wait);
    if (type == 0) return done;
    if (type == wanted) done++;
    else if (type != JOB_CREATED) {
      fprintf(stderr, "gearman: packet %u\n", type);
      exit(1);
    }
  }
}

static int client(const char *function, long outstanding) {
  char job[64];
  size_t job_bytes = (size_t)snprintf(job, sizeof job, "%s%c%cx", function, 0, 0);
  char name[16];
  long count;
  puts("ready");
  while (scanf("%15s %ld", name, &count) == 2) {
    int single = strcmp(name, "single") == 0, fill = strcmp(name, "fill") == 0;
    long window = single ? 1 : outstanding, sent = 0, done = 0;
    double *took = single ? malloc(sizeof(double) * (size_t)count) : NULL;
    double from = now_ms();
    while (done < count) {
      double at = now_ms();
      for (; sent < count && sent - done < window; sent++) {
        if (fill) say(SUBMIT_JOB_BG, "kept\0\0x", 7);
        else say(SUBMIT_JOB, job, job_bytes);
      }
      flush();
      long more = results(fill ? JOB_CREATED : WORK_COMPLETE);
      if (single) took[done] = now_ms() - at;
      done += more;
    }
    printf("{\"ms\":%f", now_ms() - from);
    if (single) {
      qsort(took, (size_t)count, sizeof(double), ascending);
      printf(",\"p50\":%f,\"p99\":%f", took[(count - 1) / 2], took[(long)((double)(count - 1) * 0.99)]);
      free(took);
    }
    puts("}");
  }
  return 0;
}

static void run_true(void) {
  char *argv[] = {"true", NULL};
  pid_t pid;
  int status;
  if (posix_spawnp(&pid, "true", NULL, NULL, argv, environ) != 0) fail("posix_spawn");
  if (waitpid(pid, &status, 0) != pid || status != 0) fail("true");
}

/* Asks for so many jobs at once; when there are none it sleeps until the server wakes it. */
static int worker(long ahead) {
  char *data;
  uint32_t bytes;
  say(CAN_DO, "noop", 4);
  say(CAN_DO, "true", 4);
  long asked = 0;
  for (;;) {
    for (; asked < ahead; asked++) say(GRAB_JOB, "", 0);
    flush();
    int idle = 0;
    for (int wait = 1;; wait = 0) {
      uint32_t type = hear(&data, &bytes, wait);
      if (type == 0) break;
      if (type == JOB_ASSIGN) {
        asked--;
        size_t handle = strlen(data) + 1;
        if (strcmp(data + handle, "true") == 0) run_true();
        say(WORK_COMPLETE, data, handle);
        if (ahead == 1) break;
      } else if (type == NO_JOB) {
        asked--;
        idle = 1;
      } else if (type != NOOP) {
        fprintf(stderr, "gearman: packet %u\n", type);
        return 1;
      }
    }
    if (!idle || asked > 0) continue;
    say(PRE_SLEEP, "", 0);
    flush();
    while (hear(&data, &bytes, 1) != NOOP) {}
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  dial(atoi(argv[2]));
  return strcmp(argv[1], "worker") == 0 ? worker(atol(argv[3])) : client(argv[3], atol(argv[4]));
}
