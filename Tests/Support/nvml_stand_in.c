// A libnvidia-ml.so.1 for tests. It answers what the file "values" beside it says, a line a value:
//
//   count 2                      devices
//   init 9                       starting it answers 9; block 1: starting it waits at the fifo "gate", as below
//   0.name NVIDIA H100 80GB HBM3
//   0.gpu 98                     0.memory 40   0.used BYTES   0.power MILLIWATTS   0.limit MILLIWATTS   0.clock MHZ
//   0.reasons 4                  0.processes 1
//   0.gpm 1                      it has profiling counters; 0.metric5 92.5 is metric 5
//   0.error 15                   every call about the device answers 15
//   0.block 1                    asking for its power opens the fifo "gate" beside it, and waits for who writes to it
//
// What is not said is not supported (3). Names and layouts are nvml.h's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15, VERSION = 25 };

static void beside(const char *name, char *path, size_t size) {
  Dl_info info;
  const char *self = dladdr((void *)&beside, &info) ? info.dli_fname : "./x";
  snprintf(path, size, "%.*s/%s", (int)(strrchr(self, '/') - self), self, name);
}

// What the file says of this key; 0 if nothing.
static int told(const char *key, char *value, size_t size) {
  char path[512], line[256];
  beside("values", path, sizeof path);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  size_t length = strlen(key);
  int found = 0;
  while (!found && fgets(line, sizeof line, file)) {
    if (strncmp(line, key, length) != 0 || line[length] != ' ') continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(value, size, "%s", line + length + 1);
    found = 1;
  }
  fclose(file);
  return found;
}

static unsigned number_of(void *device) { return (unsigned)(uintptr_t)device - 1; }

static int text_of(void *device, const char *name, char *value, size_t size) {
  char key[64], error[32];
  snprintf(key, sizeof key, "%u.error", number_of(device));
  if (told(key, error, sizeof error)) return atoi(error);
  snprintf(key, sizeof key, "%u.%s", number_of(device), name);
  return told(key, value, size) ? OK : NOT_SUPPORTED;
}

static int value_of(void *device, const char *name, double *value) {
  char text[64];
  int code = text_of(device, name, text, sizeof text);
  if (code == OK) *value = atof(text);
  return code;
}

static int number(void *device, const char *name, unsigned *out) {
  double value;
  int code = value_of(device, name, &value);
  if (code == OK) *out = (unsigned)value;
  return code;
}

static void wait_at_gate(void) {
  char path[512];
  beside("gate", path, sizeof path);
  int gate = open(path, O_RDONLY | O_CLOEXEC);
  if (gate >= 0) close(gate);
}

int nvmlInit_v2(void) {
  char text[32];
  if (told("block", text, sizeof text)) wait_at_gate();
  return told("init", text, sizeof text) ? atoi(text) : OK;
}
int nvmlShutdown(void) { return OK; }

int nvmlDeviceGetCount_v2(unsigned *count) {
  char text[32];
  *count = told("count", text, sizeof text) ? (unsigned)atoi(text) : 0;
  return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  void *handle = (void *)(uintptr_t)(index + 1);
  char text[32];
  int code = text_of(handle, "error", text, sizeof text);
  if (code != NOT_SUPPORTED) return code;
  *device = handle;
  return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
  unsigned count, index = (unsigned)atoi(uuid + strlen("GPU-"));
  nvmlDeviceGetCount_v2(&count);
  return index < count ? nvmlDeviceGetHandleByIndex_v2(index, device) : NOT_FOUND;
}

int nvmlDeviceGetName(void *device, char *name, unsigned size) { return text_of(device, "name", name, size); }

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned size) {
  snprintf(uuid, size, "GPU-%u", number_of(device));
  return OK;
}

int nvmlDeviceGetUtilizationRates(void *device, void *out) {
  unsigned *rates = out;
  int code = number(device, "gpu", &rates[0]);
  return code == OK ? number(device, "memory", &rates[1]) : code;
}

int nvmlDeviceGetMemoryInfo_v2(void *device, void *out) {
  if (*(uint32_t *)out != 0x2000028) return VERSION;
  double used;
  int code = value_of(device, "used", &used);
  if (code == OK) *(uint64_t *)((char *)out + 32) = (uint64_t)used;
  return code;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
  double blocks = 0;
  if (value_of(device, "block", &blocks) == OK && blocks > 0) wait_at_gate();
  return number(device, "power", milliwatts);
}

int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *milliwatts) { return number(device, "limit", milliwatts); }

int nvmlDeviceGetClockInfo(void *device, unsigned type, unsigned *mhz) {
  return type == 1 ? number(device, "clock", mhz) : NOT_SUPPORTED;
}

int nvmlDeviceGetCurrentClocksEventReasons(void *device, uint64_t *mask) {
  double value;
  int code = value_of(device, "reasons", &value);
  if (code == OK) *mask = (uint64_t)value;
  return code;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, void *infos) {
  (void)infos;
  int code = number(device, "processes", count);
  return code == OK && *count > 0 ? TOO_SMALL : code;
}

int nvmlGpmQueryDeviceSupport(void *device, void *out) {
  uint32_t *support = out;
  if (support[0] != 1) return VERSION;
  double has = 0;
  int code = value_of(device, "gpm", &has);
  support[1] = has > 0;
  return code == NOT_SUPPORTED ? OK : code;
}

struct sample {
  void *device;
};

int nvmlGpmSampleAlloc(void **sample) {
  *sample = calloc(1, sizeof(struct sample));
  return OK;
}

int nvmlGpmSampleGet(void *device, void *sample) {
  ((struct sample *)sample)->device = device;
  char text[8];
  return text_of(device, "gpm", text, sizeof text);
}

struct metric {
  uint32_t id;
  int32_t code;
  double value;
  void *names[3];
};


int nvmlGpmMetricsGet(void *out) {
  char *bytes = out;
  if (*(uint32_t *)bytes != 1) return VERSION;
  struct sample *first = *(struct sample **)(bytes + 8), *second = *(struct sample **)(bytes + 16);
  if (!first->device || first->device != second->device) return NOT_FOUND;
  struct metric *metrics = (struct metric *)(bytes + 24);
  for (uint32_t i = 0; i < *(uint32_t *)(bytes + 4); i++) {
    char key[32];
    snprintf(key, sizeof key, "metric%u", metrics[i].id);
    metrics[i].code = value_of(second->device, key, &metrics[i].value);
  }
  return OK;
}
