// SPDX-License-Identifier: Apache-2.0
#include "app/engine/answer_stream.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

namespace fulgurite::app {

namespace {

struct TokenEvent {
    TokenRecord record;
    std::string text;
};

struct EndEvent {
    GenerationSummary summary;
    std::string rest;
};

using Event = std::variant<PrefillProgress, TokenEvent, EndEvent, Error>;

class QueueListener final : public GenerationListener {
  public:
    void onPrefill(const PrefillProgress& progress) override { push(progress); }
    void onToken(const TokenRecord& record, const std::string& text) override { push(TokenEvent{record, text}); }
    void onFinish(const GenerationSummary& summary, const std::string& rest) override {
        push(EndEvent{summary, rest});
    }
    void onError(const Error& error) override { push(error); }

    // Empty after a moment without news.
    std::optional<Event> next() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::milliseconds(50), [this] { return !events_.empty(); })) {
            return std::nullopt;
        }
        Event event = std::move(events_.front());
        events_.pop_front();
        return event;
    }

  private:
    void push(Event event) {
        {
            const std::lock_guard lock(mutex_);
            events_.push_back(std::move(event));
        }
        changed_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Event> events_;
};

// Hands tokens on as soon as it is known whether they are thinking, answer or the marker between.
class ChannelOrder {
  public:
    ChannelOrder(AnswerSink& sink, ThinkingSplitter splitter) : sink_(sink), tracker_(std::move(splitter)) {}

    void push(TokenEvent event) {
        waiting_.push_back({std::move(event.record), std::move(event.text), Channel::Answer});
        release(tracker_.push(waiting_.back().text));
    }
    void finish() { release(tracker_.finish()); }

  private:
    void release(const std::vector<Channel>& channels) {
        for (const Channel channel : channels) {
            waiting_.front().channel = channel;
            sink_.token(waiting_.front());
            waiting_.pop_front();
        }
    }

    AnswerSink& sink_;
    ThinkingTracker tracker_;
    std::deque<StreamedToken> waiting_;
};

} // namespace

GenerationSummary streamAnswer(Engine& engine, const GenerateRequest& request, ThinkingSplitter splitter,
                               AnswerSink& sink, InterruptGuard& interrupts) {
    const auto listener = std::make_shared<QueueListener>();
    ChannelOrder order(sink, std::move(splitter));
    interrupts.take(); // a key pressed before now was meant for something else
    const GenerationId id = engine.submit(request, listener);
    while (true) {
        if (interrupts.take()) {
            engine.cancel(id);
        }
        std::optional<Event> event = listener->next();
        if (!event) {
            continue;
        }
        if (auto* progress = std::get_if<PrefillProgress>(&*event)) {
            sink.prefill(*progress);
        } else if (auto* token = std::get_if<TokenEvent>(&*event)) {
            order.push(std::move(*token));
        } else if (auto* end = std::get_if<EndEvent>(&*event)) {
            order.finish();
            sink.finish(end->summary, end->rest);
            return end->summary;
        } else {
            throw std::get<Error>(*event);
        }
    }
}

} // namespace fulgurite::app
