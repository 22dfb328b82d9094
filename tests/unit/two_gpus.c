// SPDX-License-Identifier: Apache-2.0
// A driver of two GPUs with known figures, in NVML's published interface: what test_gpu_devices.cpp opens in place
// of a real one.
#include <stdio.h>

struct memory {
    unsigned long long total, free, used;
};
struct utilization {
    unsigned gpu, memory;
};

static int devices[2] = {0, 1};

static int number(void* device) {
    return *(int*)device;
}

int nvmlInit_v2(void) {
    return 0;
}
int nvmlShutdown(void) {
    return 0;
}
int nvmlSystemGetDriverVersion(char* text, unsigned length) {
    return snprintf(text, length, "570.1") < 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = 2;
    return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
    *device = &devices[index];
    return 0;
}
int nvmlDeviceGetName(void* device, char* text, unsigned length) {
    return snprintf(text, length, "GPU number %d", number(device)) < 0;
}
int nvmlDeviceGetMemoryInfo(void* device, struct memory* memory) {
    memory->total = 80ull << 30;
    memory->used = (1ull + number(device)) << 30;
    memory->free = memory->total - memory->used;
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
    (void)device;
    *major = 9;
    *minor = 0;
    return 0;
}
// The second device reports no load, as some do.
int nvmlDeviceGetUtilizationRates(void* device, struct utilization* rates) {
    rates->gpu = 37;
    rates->memory = 5;
    return number(device) == 0 ? 0 : 3;
}
int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
    (void)device;
    *milliwatts = 123500;
    return 0;
}
int nvmlDeviceGetNvLinkState(void* device, unsigned link, int* state) {
    (void)device;
    *state = link != 3;
    return link < 18 ? 0 : 2;
}
