// SPDX-License-Identifier: Apache-2.0
#include "core/model/process_ranks.h"

#include "core/base/error.h"
#include "core/base/intervention.h"
#include "core/base/json.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <map>
#include <set>

namespace fulgurite {

namespace {

enum class Kind : std::uint8_t { Begin = 1, Fork, Drop, SkipTo, Forward, Show, Take, Stop };

// Numbers and bytes one after another, as both sides of one program version agree on.
class Writer {
  public:
    explicit Writer(std::string& bytes) : bytes_(bytes) {}
    template <class T>
    void put(T value) {
        static_assert(std::is_trivially_copyable_v<T>);
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    template <class T>
    void array(std::span<const T> values) {
        put(static_cast<std::uint64_t>(values.size()));
        bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    }

  private:
    std::string& bytes_;
};

class Reader {
  public:
    explicit Reader(const std::string& bytes) : bytes_(bytes) {}
    bool atEnd() const { return at_ == bytes_.size(); }
    template <class T>
    T get() {
        T value{};
        std::memcpy(&value, take(sizeof(value)), sizeof(value));
        return value;
    }
    template <class T>
    std::vector<T> array() {
        const auto count = get<std::uint64_t>();
        if (count > bytes_.size() / sizeof(T)) {
            spoilt();
        }
        std::vector<T> values(count);
        if (count > 0) {
            std::memcpy(values.data(), take(count * sizeof(T)), count * sizeof(T));
        }
        return values;
    }
    [[noreturn]] static void spoilt() {
        fail(ErrorKind::Internal, "rank 0 sent an order that this rank does not understand");
    }

  private:
    const char* take(std::size_t count) {
        if (count > bytes_.size() - at_) {
            spoilt();
        }
        at_ += count;
        return bytes_.data() + at_ - count;
    }

    const std::string& bytes_;
    std::size_t at_ = 0;
};

std::string textOf(const Intervention* intervention) {
    return intervention == nullptr ? std::string() : recipeJson({"", *intervention, false}).dump();
}

// Takes part in showing rank 0's tap what this rank has, and looks at nothing.
class PartTap final : public ForwardTap {
  public:
    explicit PartTap(const RankLeader::Wanted& wanted) : wanted_(wanted.begin(), wanted.end()) {}
    bool wants(TapPoint point, int layer) const override {
        return wanted_.contains({static_cast<std::uint8_t>(point), layer});
    }
    void onValues(TapPoint, int, std::span<const float>, std::size_t) override {}
    void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}

  private:
    std::set<std::pair<std::uint8_t, std::int32_t>> wanted_;
};

class Follower {
  public:
    Follower(const HybridModel& model, kernels::ProcessGroup& group, kernels::ThreadPool& pool)
        : model_(model), group_(group), pool_(pool) {}

    // False: it is over.
    bool obey(const std::string& order) {
        Reader reader(order);
        while (!reader.atEnd()) {
            switch (reader.get<Kind>()) {
            case Kind::Begin:
                states_.emplace(reader.get<std::uint64_t>(), model_.newState());
                break;
            case Kind::Fork: {
                const auto number = reader.get<std::uint64_t>();
                states_.emplace(number, stateAt(reader.get<std::uint64_t>()).fork());
                break;
            }
            case Kind::Drop:
                states_.erase(reader.get<std::uint64_t>());
                break;
            case Kind::SkipTo: {
                SequenceState& state = stateAt(reader.get<std::uint64_t>());
                state.skipTo(reader.get<std::uint64_t>());
                break;
            }
            case Kind::Forward:
                forward(reader);
                break;
            case Kind::Show:
                show(reader);
                break;
            case Kind::Take:
                take(reader);
                break;
            case Kind::Stop:
                return false;
            default:
                Reader::spoilt();
            }
        }
        return true;
    }

  private:
    SequenceState& stateAt(std::uint64_t number) {
        const auto found = states_.find(number);
        if (found == states_.end()) {
            Reader::spoilt();
        }
        return found->second;
    }

    void forward(Reader& reader) {
        PartTap tap(readWanted(reader));
        const auto chunks = reader.get<std::uint32_t>();
        std::vector<TokenIds> tokens(chunks);
        std::vector<Intervention> interventions(chunks);
        std::vector<SequenceChunk> batch;
        for (std::uint32_t i = 0; i < chunks; ++i) {
            SequenceState& state = stateAt(reader.get<std::uint64_t>());
            const auto wanted = reader.get<LogitsWanted>();
            const std::vector<char> text = reader.array<char>();
            tokens[i] = reader.array<TokenId>();
            batch.push_back({&state, tokens[i], wanted, nullptr});
            if (!text.empty()) {
                const nlohmann::json json = parseJson({text.data(), text.size()}, "an order of rank 0");
                interventions[i] = readRecipe(JsonField(json, "an order of rank 0")).intervention;
                batch.back().intervention = &interventions[i];
            }
        }
        logits_.clear();
        model_.forward(batch, pool_, workspace_, logits_, &tap);
    }

    static RankLeader::Wanted readWanted(Reader& reader) {
        RankLeader::Wanted wanted(reader.get<std::uint32_t>());
        for (auto& [point, layer] : wanted) {
            point = reader.get<std::uint8_t>();
            layer = reader.get<std::int32_t>();
        }
        return wanted;
    }

    void show(Reader& reader) {
        const SequenceState& state = stateAt(reader.get<std::uint64_t>());
        const std::vector<float> mine = state.ownValues(reader.get<StateArray>());
        std::vector<float> all(mine.size() * static_cast<std::size_t>(group_.size()));
        kernels::Queue queue(pool_);
        group_.allGather(mine.data(), all.data(), mine.size() * sizeof(float), queue);
    }

    void take(Reader& reader) {
        SequenceState& state = stateAt(reader.get<std::uint64_t>());
        const auto array = reader.get<StateArray>();
        std::vector<float> whole(state.shape().whole().floatsOf(array));
        kernels::Queue queue(pool_);
        group_.broadcast(whole.data(), whole.size() * sizeof(float), 0, queue);
        state.assignOwn(array, whole.data() + state.shape().firstOf(array, static_cast<std::size_t>(group_.rank()),
                                                                    static_cast<std::size_t>(group_.size())));
    }

    const HybridModel& model_;
    kernels::ProcessGroup& group_;
    kernels::ThreadPool& pool_;
    Workspace workspace_;
    std::vector<float> logits_;
    std::map<std::uint64_t, SequenceState> states_;
};

} // namespace

RankLeader::~RankLeader() {
    try {
        std::string order;
        Writer(order).put(Kind::Stop);
        group_->tell(order);
    } catch (const std::exception&) {
        // A rank that has died needs no word of it.
    }
}

std::uint64_t RankLeader::begin() {
    const std::lock_guard lock(mutex_);
    Writer writer(events_);
    writer.put(Kind::Begin);
    writer.put(++last_);
    return last_;
}

std::uint64_t RankLeader::fork(std::uint64_t from) {
    const std::lock_guard lock(mutex_);
    Writer writer(events_);
    writer.put(Kind::Fork);
    writer.put(++last_);
    writer.put(from);
    return last_;
}

void RankLeader::drop(std::uint64_t state) noexcept {
    try {
        const std::lock_guard lock(mutex_);
        Writer writer(events_);
        writer.put(Kind::Drop);
        writer.put(state);
    } catch (const std::bad_alloc&) {
        // The others keep it a while longer than needed.
    }
}

std::string RankLeader::pending() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
}

void RankLeader::announce(std::span<const SequenceChunk> batch, const Wanted& wanted) {
    std::string order = pending();
    Writer writer(order);
    writer.put(Kind::Forward);
    writer.put(static_cast<std::uint32_t>(wanted.size()));
    for (const auto& [point, layer] : wanted) {
        writer.put(point);
        writer.put(layer);
    }
    writer.put(static_cast<std::uint32_t>(batch.size()));
    for (const SequenceChunk& chunk : batch) {
        writer.put(chunk.state->number());
        writer.put(chunk.logits);
        const std::string text = textOf(chunk.intervention);
        writer.array(std::span<const char>(text));
        writer.array(chunk.tokens);
    }
    group_->tell(order);
}

void RankLeader::skipTo(std::uint64_t state, std::size_t position) {
    const std::lock_guard lock(mutex_);
    Writer writer(events_);
    writer.put(Kind::SkipTo);
    writer.put(state);
    writer.put(static_cast<std::uint64_t>(position));
}

void RankLeader::callTogether(const std::string& order, const std::function<void(kernels::Queue&)>& call) {
    const std::lock_guard turn(turn_);
    kernels::ThreadPool pool(1);
    kernels::Queue queue(pool);
    try {
        group_->tell(pending() + order);
        call(queue);
    } catch (const kernels::CommError& error) {
        fail(ErrorKind::Unavailable, "the ranks of the model stopped: {}", error.what());
    }
}

namespace {

std::string orderOf(Kind kind, std::uint64_t state, const StateArray& array) {
    std::string order;
    Writer writer(order);
    writer.put(kind);
    writer.put(state);
    writer.put(array);
    return order;
}

} // namespace

std::vector<float> RankLeader::gather(std::uint64_t state, const StateArray& array,
                                      const std::vector<float>& mine) {
    std::vector<float> all(mine.size() * static_cast<std::size_t>(group_->size()));
    callTogether(orderOf(Kind::Show, state, array), [&](kernels::Queue& queue) {
        group_->allGather(mine.data(), all.data(), mine.size() * sizeof(float), queue);
    });
    return all;
}

void RankLeader::scatter(std::uint64_t state, const StateArray& array, std::span<const float> whole) {
    std::vector<float> sent(whole.begin(), whole.end()); // a broadcast takes what it may also write to
    callTogether(orderOf(Kind::Take, state, array), [&](kernels::Queue& queue) {
        group_->broadcast(sent.data(), sent.size() * sizeof(float), 0, queue);
    });
}

void followRanks(const HybridModel& model, kernels::ProcessGroup& group, kernels::ThreadPool& pool) {
    Follower follower(model, group, pool);
    try {
        while (follower.obey(group.hear())) {
        }
    } catch (const kernels::CommError& error) {
        fail(ErrorKind::Unavailable, "the ranks of the model stopped: {}", error.what());
    } catch (const std::exception& error) {
        group.abort(error.what()); // or the others would wait
        throw;
    }
}

} // namespace fulgurite
