// SPDX-License-Identifier: Apache-2.0
// Which requests are taken, whose turn it is, and how much memory each may hold.
#include "core/base/system_memory.h"
#include "core/generate/context_length_error.h"
#include "core/generate/overload.h"
#include "core/generate/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace fulgurite {

namespace {

constexpr double kUnknownWait = 5; // seconds, before any request has been finished
// Whoever would wait longer had better be told so,
constexpr double kLongestWait = 600;
// unless so few go first that one long answer among those before says nothing about them.
constexpr std::size_t kFew = 8;

} // namespace

void Scheduler::validate(const GenerateRequest& request) const {
    if (request.prompt.empty()) {
        fail(ErrorKind::InvalidInput, "the prompt is empty; it needs at least one token");
    }
    for (const TokenId id : request.prompt) {
        if (id < 0 || static_cast<std::size_t>(id) >= context_.vocab_size) {
            fail(ErrorKind::InvalidInput, "the prompt has token {}; the model's vocabulary ends at {}", id,
                 context_.vocab_size - 1);
        }
    }
    fulgurite::validate(request.sampler, context_.vocab_size);
    fulgurite::validate(request.stop, context_.vocab_size);
    checkIntervention(request.intervention, runner_->config());
    if (request.alternatives < 0 || request.alternatives > kMaxAlternatives) {
        fail(ErrorKind::InvalidInput, "alternatives is {}; it must lie between 0 and {}", request.alternatives,
             kMaxAlternatives);
    }
    if (request.prompt.size() >= context_.max_positions) {
        throw ContextLengthError(
            fmt::format("the prompt has {} tokens; with room for an answer the model takes at most {}",
                        request.prompt.size(), context_.max_positions - 1));
    }
    const std::size_t needed = context_.shape.bytesAt(request.prompt.size() + 1);
    if (needed > options_.memory_bytes) {
        fail(ErrorKind::OutOfMemory,
             "the prompt has {} tokens and needs {} for keys, values and states; {} are set aside for them. "
             "Shorten the prompt or give the engine more memory",
             request.prompt.size(), readableBytes(needed), readableBytes(options_.memory_bytes));
    }
    if (!withinShare(request.tenant, needed)) {
        fail(ErrorKind::OutOfMemory,
             "the prompt has {} tokens and needs {} for keys, values and states; of the {} that are set aside for "
             "them this token may take {:g} in 100. Shorten the prompt",
             request.prompt.size(), readableBytes(needed), readableBytes(options_.memory_bytes),
             request.tenant.memory_share * 100);
    }
}

// How many would be let in before a request of that tenant that came now. Lines take turns: of each of the others as
// many go first as wait before it in its own, and at least one.
std::size_t Scheduler::aheadOf(const std::string& tenant) const {
    const std::size_t own = queue_.waitingOf(tenant);
    return std::min(queue_.size(), std::max<std::size_t>(own, 1) * queue_.tenants());
}

// Until it would be let in.
double Scheduler::waitOf(const std::string& tenant) const {
    const std::size_t ahead = aheadOf(tenant);
    if (ahead == 0) {
        return 0;
    }
    const auto each = finishes_.secondsEach(FinishRate::Clock::now());
    return each ? static_cast<double>(ahead) * *each : kUnknownWait;
}

// A full queue has room left for tenants with less than an equal part of it.
void Scheduler::refuseWhenFull(const std::string& tenant) const {
    const std::size_t waiting = queue_.waitingOf(tenant);
    const std::size_t tenants = queue_.tenants() + (waiting == 0 ? 1 : 0);
    const bool full = queue_.size() >= options_.max_queue && waiting >= options_.max_queue / tenants;
    const double wait = waitOf(tenant);
    const bool long_wait = wait > kLongestWait && aheadOf(tenant) >= std::max(options_.max_batch, kFew);
    if (full || long_wait) {
        throw OverloadError(
            fmt::format("{} requests are waiting already, {} of them yours; they will take about {:.0f} "
                        "seconds",
                        queue_.size(), waiting, std::max(wait, 1.0)),
            std::clamp(full ? wait : wait - kLongestWait, 1.0, kLongestWait));
    }
}

// To its answers, and to what else is done for it.
std::size_t Scheduler::promisedTo(const std::string& tenant) const {
    const auto found = aside_.find(tenant);
    std::size_t bytes = found == aside_.end() ? 0 : found->second;
    for (const Slot& slot : active_) {
        bytes += slot.sequence->tenant().name == tenant ? slot.promised : 0;
    }
    return bytes;
}

// Whether the tenant may hold so much.
bool Scheduler::withinShare(const Tenant& tenant, std::size_t bytes) const {
    const auto most = static_cast<double>(options_.memory_bytes) * tenant.memory_share;
    return tenant.memory_share >= 1 || static_cast<double>(bytes) <= most;
}

// What did not belong to a running answer: whoever waits for memory looks once more.
void Scheduler::giveBack(std::size_t& bytes) {
    memory_.release(bytes);
    {
        const std::lock_guard lock(mutex_);
        nothing_fits_ = false;
    }
    wake_.notify_all();
}

// No turn: the engine may have no memory for one, or be busy for long.
Scheduler::Aside::~Aside() {
    if (bytes == 0) {
        return;
    }
    {
        const std::lock_guard lock(scheduler.mutex_);
        const auto found = scheduler.aside_.find(tenant);
        if ((found->second -= bytes) == 0) {
            scheduler.aside_.erase(found);
        }
    }
    scheduler.giveBack(bytes);
}

// A turn: the working thread alone knows what answers were promised, and snapshots on a device are its own to drop.
std::shared_ptr<const void> Scheduler::setAside(std::size_t bytes, const Tenant& tenant) {
    const auto aside = std::make_shared<Aside>(*this, tenant.name);
    takeTurn([&](kernels::ThreadPool& /*pool*/, std::size_t /*tokens*/) {
        {
            const std::lock_guard lock(mutex_);
            const double wait = std::clamp(waitOf(tenant.name), kUnknownWait, kLongestWait);
            const std::size_t own = promisedTo(tenant.name);
            if (!withinShare(tenant, own + bytes)) {
                throw OverloadError(
                    fmt::format("{} are needed for keys, values and states; requests of this token have {} of "
                                "the {} that it may hold. Try again when they have ended",
                                readableBytes(bytes), readableBytes(own),
                                readableBytes(static_cast<std::size_t>(static_cast<double>(memory_.limit()) *
                                                                       tenant.memory_share))),
                    wait);
            }
            const auto entry = aside_.try_emplace(tenant.name, 0).first;
            if (!memory_.take(bytes)) {
                if (entry->second == 0) {
                    aside_.erase(entry);
                }
                throw OverloadError(
                    fmt::format("{} are needed for keys, values and states; answers that are being written leave "
                                "{} of {}",
                                readableBytes(bytes), readableBytes(memory_.left()),
                                readableBytes(memory_.limit())),
                    wait);
            }
            entry->second += bytes;
            aside->bytes = bytes;
        }
        snapshots_.shrinkTo(memory_.left());
    });
    return aside;
}

void Scheduler::admit() {
    while (active_.size() < options_.max_batch && admitNext()) {
    }
}

// Whoever is next waits until there is room, and nobody overtakes but past a tenant that has all it may have.
// Alone, a sequence is admitted with whatever it needs, because submit() refused what can never fit.
bool Scheduler::admitNext() {
    Slot slot;
    {
        const std::lock_guard lock(mutex_);
        const auto working = [this](const std::string& tenant) {
            return static_cast<std::size_t>(std::count_if(active_.begin(), active_.end(), [&](const Slot& each) {
                return each.sequence->tenant().name == tenant;
            }));
        };
        const auto tokensFor = [this](const Sequence& sequence) {
            const std::size_t promised = promisedTo(sequence.tenant().name);
            const bool all =
                withinShare(sequence.tenant(), promised + context_.shape.bytesAt(sequence.expectedTokens()));
            const bool least =
                promised == 0 && withinShare(sequence.tenant(), context_.shape.bytesAt(sequence.promptSize() + 1));
            return all ? sequence.expectedTokens() : least ? sequence.promptSize() + 1 : 0;
        };
        const Sequence* next =
            queue_.next(working, [&](const Sequence& sequence) { return tokensFor(sequence) > 0; });
        nothing_fits_ = active_.empty() && !queue_.empty(); // unless this one does
        if (next == nullptr) {
            return false;
        }
        if (!memory_.promise(slot.promised, tokensFor(*next)) &&
            (!active_.empty() || !memory_.promise(slot.promised, next->promptSize() + 1))) {
            return false;
        }
        nothing_fits_ = false;
        try {
            slot.sequence = queue_.take(next->tenant().name);
        } catch (...) {
            memory_.release(slot.promised);
            throw;
        }
        status_.active = active_.size() + 1;
    }
    snapshots_.shrinkTo(memory_.left());
    Sequence& sequence = *slot.sequence;
    if (!forOne(sequence, [&] { active_.push_back(std::move(slot)); })) {
        memory_.release(slot.promised);
        return true;
    }
    std::optional<SequenceState> state;
    const bool taken = takeFor(sequence, [&] {
        state = snapshots_.longest(sequence.tenant().name, sequence.tokens(), sequence.reusable());
        if (!state) {
            state.emplace(context_.shape);
        }
    });
    if (taken) {
        forOne(sequence, [&] {
            sequence.begin(std::move(*state), SnapshotPlan(options_.snapshot_interval, snapshot_allowance_));
        });
    }
    const std::lock_guard lock(mutex_);
    status_.prompt_tokens_total += sequence.promptSize();
    status_.reused_tokens_total += sequence.started() ? sequence.state().position() : 0;
    return true;
}

bool Scheduler::keepSnapshot(std::span<const TokenId> tokens, const std::function<SequenceState()>& restore,
                             const std::string& tenant) {
    const std::size_t needed = context_.shape.bytesAt(tokens.size());
    if (needed > snapshots_.budget()) {
        return false;
    }
    std::size_t promised = 0;
    if (!memory_.promise(promised, tokens.size())) {
        const std::lock_guard lock(mutex_);
        throw OverloadError(
            fmt::format("the state of {} tokens needs {}; the answers that are being written leave {} of {} for "
                        "it. Try again later",
                        tokens.size(), readableBytes(needed), readableBytes(memory_.left()),
                        readableBytes(memory_.limit())),
            std::clamp(waitOf(tenant), kUnknownWait, kLongestWait));
    }
    bool kept = false;
    try {
        snapshots_.shrinkTo(memory_.left());
        kept = snapshots_.insert(tenant, tokens, restore(), SnapshotKind::Turn) ||
               snapshots_.contains(tenant, tokens);
    } catch (...) {
        giveBack(promised);
        throw;
    }
    giveBack(promised);
    return kept;
}

// Room for what a sequence is about to absorb. When there is none, its answer ends here.
bool Scheduler::growTo(Slot& slot, std::size_t tokens) {
    Sequence& sequence = *slot.sequence;
    const bool grows = sequence.tenant().memory_share < 1 && context_.shape.bytesAt(tokens) > slot.promised;
    bool allowed = true;
    if (grows) {
        const std::lock_guard lock(mutex_);
        allowed = withinShare(sequence.tenant(),
                              promisedTo(sequence.tenant().name) - slot.promised + context_.shape.bytesAt(tokens));
    }
    if (!allowed || !memory_.promise(slot.promised, tokens)) {
        forOne(sequence, [&] { sequence.finish(FinishReason::ContextFull); });
        return false;
    }
    snapshots_.shrinkTo(memory_.left());
    return takeFor(sequence, [&] { sequence.state().reserve(tokens - sequence.state().position()); });
}

} // namespace fulgurite
