// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/local_group.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <vector>

namespace fulgurite::kernels {

namespace {

enum class Call : std::uint8_t { Join, AllReduce, AllReduceBf16, AllGather, Broadcast, Barrier };

const char* nameOf(Call call) {
    switch (call) {
    case Call::Join:
        return "join";
    case Call::AllReduce:
        return "all-reduce";
    case Call::AllReduceBf16:
        return "all-reduce (bf16)";
    case Call::AllGather:
        return "all-gather";
    case Call::Broadcast:
        return "broadcast";
    case Call::Barrier:
        break;
    }
    return "barrier";
}

// What a rank brings to a meeting.
struct Post {
    Call call = Call::Barrier;
    std::size_t size = 0;
    int root = 0;
    const void* data = nullptr;

    bool agrees(const Post& other) const { return call == other.call && size == other.size && root == other.root; }
    std::string text() const { return std::string(nameOf(call)) + " of " + std::to_string(size); }
};

std::string rankName(int rank) {
    return "rank " + std::to_string(rank);
}

} // namespace

struct LocalGroup::Shared {
    Shared(int size, std::chrono::milliseconds wait)
        : timeout(wait),
          posts(static_cast<std::size_t>(size)),
          here(posts.size(), false),
          left(posts.size(), false),
          identities(posts.size()),
          partial(posts.size()) {}

    // Returns when every rank has come with the same call; `met` then has what each of them brought.
    void meet(int rank, const Post& post) {
        std::unique_lock lock(mutex);
        throwIfFailed();
        posts[static_cast<std::size_t>(rank)] = post;
        here[static_cast<std::size_t>(rank)] = true;
        const auto absent_ones = std::count(here.begin(), here.end(), false);
        if (absent_ones == 0) {
            closeMeeting();
            return;
        }
        failIfAnAbsentRankLeft();
        const std::uint64_t mine = meetings;
        const bool met = changed.wait_for(lock, timeout, [&] { return meetings != mine || !failure.empty(); });
        if (meetings != mine) {
            return; // a failure afterwards is the next meeting's
        }
        if (!met) {
            failLate(post);
        }
        throwIfFailed();
    }

    // Of a rank that has read what the others brought: returns when all have. Only then may any of them change or
    // free what it brought, whether the group has failed meanwhile or not.
    void finishReading() {
        std::unique_lock lock(mutex);
        if (--readers == 0) {
            changed.notify_all();
        }
        changed.wait(lock, [&] { return readers == 0; });
    }

    // With the lock held, by the last to come.
    void closeMeeting() {
        for (std::size_t r = 1; r < posts.size(); ++r) {
            if (!posts[r].agrees(posts[0])) {
                fail(static_cast<int>(r), rankName(static_cast<int>(r)) + " called " + posts[r].text() +
                                              " where rank 0 called " + posts[0].text());
            }
        }
        for (std::size_t r = 1; posts[0].call == Call::Join && r < posts.size(); ++r) {
            const std::string problem = disagreement(static_cast<int>(r), identities[r], identities[0]);
            if (!problem.empty()) {
                fail(static_cast<int>(r), problem);
            }
        }
        throwIfFailed();
        met = posts;
        const bool bringing = posts[0].call != Call::Join && posts[0].call != Call::Barrier;
        readers = bringing ? posts.size() : 0;
        std::fill(here.begin(), here.end(), false);
        ++meetings;
        changed.notify_all();
    }

    void failIfAnAbsentRankLeft() {
        for (std::size_t r = 0; r < posts.size(); ++r) {
            if (left[r] && !here[r]) {
                fail(static_cast<int>(r), rankName(static_cast<int>(r)) + " has left");
            }
        }
        throwIfFailed();
    }

    void failLate(const Post& post) {
        std::string names;
        int first = -1;
        for (std::size_t r = 0; r < posts.size(); ++r) {
            if (!here[r]) {
                first = first < 0 ? static_cast<int>(r) : first;
                names += (names.empty() ? "" : ", ") + rankName(static_cast<int>(r));
            }
        }
        fail(first, names + " did not come to " + post.text() + " within " +
                        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()) +
                        " ms");
    }

    // The first failure is the cause, later ones follow from it. With the lock held.
    void fail(int rank, const std::string& message) {
        if (failure.empty()) {
            failed_rank = rank;
            failure = message;
        }
        changed.notify_all();
    }

    void throwIfFailed() const {
        if (!failure.empty()) {
            throw CommError(failed_rank, failure);
        }
    }

    const std::chrono::milliseconds timeout;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Post> posts; // of the meeting that is open
    std::vector<Post> met;   // of the last one; it stands until every rank has come to the next
    std::vector<bool> here;  // has come to the meeting that is open
    std::vector<bool> left;
    std::vector<RankIdentity> identities;
    std::vector<std::vector<float>> partial; // the share that each rank has summed
    std::uint64_t meetings = 0;
    std::size_t readers = 0; // ranks that still read what was brought to the last meeting
    int failed_rank = -1;
    std::string failure;
};

class LocalGroup::Member final : public Communicator {
  public:
    Member(std::shared_ptr<Shared> shared, int rank) : shared_(std::move(shared)), rank_(rank) {}

    ~Member() override {
        const std::lock_guard lock(shared_->mutex);
        shared_->left[static_cast<std::size_t>(rank_)] = true;
        const auto& here = shared_->here;
        if (std::any_of(here.begin(), here.end(), [](bool came) { return came; })) {
            shared_->fail(rank_, rankName(rank_) + " has left");
        }
    }

    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(shared_->posts.size()); }

    void allReduceSum(float* data, std::size_t count, Queue&) override {
        reduce<float>(
            Call::AllReduce, data, count, [](float value) { return value; }, [](float sum) { return sum; });
    }

    void allReduceSumBf16(std::uint16_t* data, std::size_t count, Queue&) override {
        reduce<std::uint16_t>(Call::AllReduceBf16, data, count, bf16ToFloat, floatToBf16);
    }

    void allGather(const void* mine, void* all, std::size_t bytes, Queue&) override {
        shared_->meet(rank_, {Call::AllGather, bytes, 0, mine});
        for (std::size_t r = 0; bytes > 0 && r < shared_->posts.size(); ++r) {
            std::memcpy(static_cast<char*>(all) + r * bytes, shared_->met[r].data, bytes);
        }
        shared_->finishReading();
    }

    void broadcast(void* data, std::size_t bytes, int root, Queue&) override {
        shared_->meet(rank_, {Call::Broadcast, bytes, root, data});
        if (rank_ != root && bytes > 0) {
            std::memcpy(data, shared_->met[static_cast<std::size_t>(root)].data, bytes);
        }
        shared_->finishReading();
    }

    void barrier(Queue&) override { shared_->meet(rank_, {Call::Barrier}); }

    void abort(const std::string& reason) noexcept override {
        const std::lock_guard lock(shared_->mutex);
        shared_->fail(rank_, rankName(rank_) + ": " + reason);
    }

  private:
    // Every rank sums its share of the elements over all ranks, then takes the shares of the others. Nobody writes
    // to its data before all have read it, nor to its share again before all have copied it: that is after the
    // meeting of the next call. Between meeting and finishReading() nothing may throw.
    template <class T, class Widen, class Narrow>
    void reduce(Call call, T* data, std::size_t count, Widen widen, Narrow narrow) {
        const std::size_t ranks = shared_->posts.size();
        const auto shareBegin = [&](std::size_t r) { return count * r / ranks; };
        const auto self = static_cast<std::size_t>(rank_);
        const std::size_t begin = shareBegin(self);
        sums_.assign(shareBegin(self + 1) - begin, 0.0f);
        shared_->meet(rank_, {call, count, 0, data});
        for (std::size_t r = 0; r < ranks; ++r) {
            const T* theirs = static_cast<const T*>(shared_->met[r].data) + begin;
            for (std::size_t i = 0; i < sums_.size(); ++i) {
                sums_[i] += widen(theirs[i]);
            }
        }
        shared_->partial[self].swap(sums_);
        shared_->finishReading();
        for (std::size_t r = 0; r < ranks; ++r) {
            std::transform(shared_->partial[r].begin(), shared_->partial[r].end(), data + shareBegin(r), narrow);
        }
    }

    std::shared_ptr<Shared> shared_;
    int rank_;
    std::vector<float> sums_;
};

LocalGroup::LocalGroup(int size, std::chrono::milliseconds timeout)
    : shared_(std::make_shared<Shared>(size, timeout)) {}

LocalGroup::~LocalGroup() = default;

std::unique_ptr<Communicator> LocalGroup::join(int rank, const RankIdentity& identity) {
    if (rank < 0 || rank >= static_cast<int>(shared_->posts.size())) {
        throw CommError(rank, rankName(rank) + " is outside the " + std::to_string(shared_->posts.size()) +
                                  " ranks of this group");
    }
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->identities[static_cast<std::size_t>(rank)] = identity;
    }
    auto member = std::make_unique<Member>(shared_, rank);
    shared_->meet(rank, {Call::Join});
    return member;
}

} // namespace fulgurite::kernels
