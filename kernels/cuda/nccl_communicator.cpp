// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_communicator.h"

#include "kernels/comm/rendezvous.h"
#include "kernels/cuda/cuda_queue.h"

#include <dlfcn.h>
#include <mutex>
#include <nccl.h>
#include <span>
#include <thread>
#include <type_traits>

namespace fulgurite::kernels::cuda {

namespace {

// The functions that are used, by the types of the header that this was built with.
struct Library {
    decltype(&ncclGetUniqueId) getUniqueId = nullptr;
    decltype(&ncclCommInitRankConfig) initRank = nullptr;
    decltype(&ncclCommGetAsyncError) asyncError = nullptr;
    decltype(&ncclCommFinalize) finalize = nullptr;
    decltype(&ncclCommDestroy) destroy = nullptr;
    decltype(&ncclCommAbort) abort = nullptr;
    decltype(&ncclAllReduce) allReduce = nullptr;
    decltype(&ncclAllGather) allGather = nullptr;
    decltype(&ncclBroadcast) broadcast = nullptr;
    decltype(&ncclGetErrorString) errorString = nullptr;

    // Opened once and never closed: its threads outlive any object of ours.
    static const Library& get() {
        static const Library library = open();
        return library;
    }

  private:
    static Library open() {
        void* handle = ::dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            throw CommError(-1,
                            std::string("NCCL is needed for several GPUs and cannot be opened: ") + ::dlerror());
        }
        Library library;
        const auto find = [handle](auto& function, const char* name) {
            function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
            if (function == nullptr) {
                throw CommError(-1, std::string("this NCCL is too old: it has no ") + name);
            }
        };
        find(library.getUniqueId, "ncclGetUniqueId");
        find(library.initRank, "ncclCommInitRankConfig");
        find(library.asyncError, "ncclCommGetAsyncError");
        find(library.finalize, "ncclCommFinalize");
        find(library.destroy, "ncclCommDestroy");
        find(library.abort, "ncclCommAbort");
        find(library.allReduce, "ncclAllReduce");
        find(library.allGather, "ncclAllGather");
        find(library.broadcast, "ncclBroadcast");
        find(library.errorString, "ncclGetErrorString");
        return library;
    }
};

class NcclCommunicator final : public Communicator {
  public:
    NcclCommunicator(const kernels::Launch& launch, const RankIdentity& identity, std::chrono::milliseconds timeout)
        : nccl_(Library::get()),
          rank_(launch.rank),
          size_(launch.size),
          timeout_(timeout),
          rendezvous_(launch, identity, timeout) {
        ncclUniqueId id{};
        if (rank_ == 0) {
            require(nccl_.getUniqueId(&id), "to make an id");
        }
        rendezvous_.share(std::as_writable_bytes(std::span(&id, 1)));
        rendezvous_.watch([this](const CommError& error) { lose(error); });
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 0; // so that a rank that dies meanwhile ends the wait
        start(nccl_.initRank(&comm_, size_, id, rank_, &config), "to connect the ranks");
    }

    ~NcclCommunicator() override {
        const std::lock_guard lock(mutex_);
        if (comm_ == nullptr) {
            return;
        }
        if (failure_.empty() && finalized()) {
            nccl_.destroy(comm_);
        } else if (!aborted_) {
            nccl_.abort(comm_);
        }
    }

    int rank() const override { return rank_; }
    int size() const override { return size_; }

    void allReduceSum(float* data, std::size_t count, Queue& queue) override {
        run(queue, "to add up the ranks' parts", [&](cudaStream_t stream) {
            return nccl_.allReduce(data, data, count, ncclFloat32, ncclSum, comm_, stream);
        });
    }

    void allReduceSumBf16(std::uint16_t* data, std::size_t count, Queue& queue) override {
        run(queue, "to add up the ranks' parts", [&](cudaStream_t stream) {
            return nccl_.allReduce(data, data, count, ncclBfloat16, ncclSum, comm_, stream);
        });
    }

    void allGather(const void* mine, void* all, std::size_t bytes, Queue& queue) override {
        run(queue, "to gather the ranks' parts",
            [&](cudaStream_t stream) { return nccl_.allGather(mine, all, bytes, ncclUint8, comm_, stream); });
    }

    void broadcast(void* data, std::size_t bytes, int root, Queue& queue) override {
        run(queue, "to send to all ranks", [&](cudaStream_t stream) {
            return nccl_.broadcast(data, data, bytes, ncclUint8, root, comm_, stream);
        });
    }

    void barrier(Queue& queue) override {
        void* nothing = CudaQueue::of(queue).scratch(CudaQueue::Slot::Partial, sizeof(float));
        allReduceSum(static_cast<float*>(nothing), 1, queue);
        queue.device()->wait();
        check();
    }

    void check() override {
        const std::lock_guard lock(mutex_);
        ncclResult_t state = ncclSuccess;
        if (failure_.empty() && nccl_.asyncError(comm_, &state) == ncclSuccess && state != ncclSuccess &&
            state != ncclInProgress) {
            fail(-1, std::string("NCCL failed: ") + nccl_.errorString(state));
        }
        throwIfFailed();
    }

    void abort(const std::string& reason) noexcept override {
        rendezvous_.abort(reason);
        const std::lock_guard lock(mutex_);
        fail(rank_, "rank " + std::to_string(rank_) + ": " + reason);
    }

  private:
    template <class Call>
    void run(Queue& queue, const char* doing, const Call& call) {
        const cudaStream_t stream = CudaQueue::of(queue).stream(); // sends off what was recorded before
        ncclResult_t result = ncclSuccess;
        {
            // Held during the call, which does not block: lose() frees the communicator.
            const std::lock_guard lock(mutex_);
            throwIfFailed();
            result = call(stream);
        }
        start(result, doing);
    }

    // Whether everything is done and nobody waits any more: only then may NCCL's own be destroyed.
    bool finalized() {
        const auto deadline = std::chrono::steady_clock::now() + kGoodbye;
        ncclResult_t state = nccl_.finalize(comm_);
        while (state == ncclInProgress && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::microseconds(100));
            if (nccl_.asyncError(comm_, &state) != ncclSuccess) {
                return false;
            }
        }
        return state == ncclSuccess;
    }

    // Waits until NCCL has taken the call, not until it is done.
    void start(ncclResult_t result, const char* doing) {
        const auto deadline = std::chrono::steady_clock::now() + timeout_;
        while (result == ncclInProgress) {
            std::this_thread::sleep_for(std::chrono::microseconds(20));
            const std::lock_guard lock(mutex_);
            throwIfFailed();
            require(nccl_.asyncError(comm_, &result), doing);
            if (std::chrono::steady_clock::now() > deadline) {
                fail(-1, std::string("NCCL took too long ") + doing);
            }
            throwIfFailed();
        }
        require(result, doing);
    }

    void require(ncclResult_t result, const char* doing) const {
        if (result != ncclSuccess && result != ncclInProgress) {
            throw CommError(-1, std::string("NCCL failed ") + doing + ": " + nccl_.errorString(result));
        }
    }

    // On the rendezvous' thread: kernels that wait for the lost rank end, and with them whoever waits for the
    // queue.
    void lose(const CommError& error) {
        const std::lock_guard lock(mutex_);
        fail(error.rank(), error.what());
    }

    // With the lock held. The first failure is the cause.
    void fail(int rank, const std::string& message) {
        if (!failure_.empty()) {
            return;
        }
        failed_rank_ = rank;
        failure_ = message;
        if (comm_ != nullptr) {
            aborted_ = true;
            nccl_.abort(comm_);
        }
    }

    void throwIfFailed() const {
        if (!failure_.empty()) {
            throw CommError(failed_rank_, failure_);
        }
    }

    static constexpr std::chrono::seconds kGoodbye{10};

    const Library& nccl_;
    int rank_;
    int size_;
    std::chrono::milliseconds timeout_;
    std::mutex mutex_;
    ncclComm_t comm_ = nullptr;
    bool aborted_ = false; // NCCL has freed it
    int failed_rank_ = -1;
    std::string failure_;
    Rendezvous rendezvous_; // last: its thread calls lose()
};

} // namespace

std::unique_ptr<Communicator> joinNccl(const kernels::Launch& launch, const RankIdentity& identity,
                                       std::chrono::milliseconds timeout) {
    return std::make_unique<NcclCommunicator>(launch, identity, timeout);
}

} // namespace fulgurite::kernels::cuda

// What kernels/device_library.cpp looks up. The device is the one that is current on the calling thread.
extern "C" __attribute__((visibility("default"))) fulgurite::kernels::Communicator*
fulgurite_join_nccl(const fulgurite::kernels::Launch* launch, const fulgurite::kernels::RankIdentity* identity) {
    return fulgurite::kernels::cuda::joinNccl(*launch, *identity, fulgurite::kernels::Rendezvous::kDefaultTimeout)
        .release();
}
