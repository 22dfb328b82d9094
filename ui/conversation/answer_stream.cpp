// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/answer_stream.h"

#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

namespace fulgurite {

namespace {
constexpr int kLeastGap = 33; // ms between two bundles
}

// Filled by the client's thread, emptied by the window's.
class AnswerStream::Mailbox : public client::GenerateListener {
  public:
    struct Content {
        std::optional<client::StreamStart> start;
        std::optional<client::StreamPrefill> prefill;
        std::vector<TokenInfo> tokens;
        std::optional<client::StreamDone> done;
        std::optional<Error> error;
        std::optional<client::Refusal> refusal;
    };

    explicit Mailbox(AnswerStream* owner) : owner_(owner) {}

    void onStart(const client::StreamStart& start) override {
        put([&](Content& content) { content.start = start; });
    }
    void onPrefill(const client::StreamPrefill& prefill) override {
        put([&](Content& content) { content.prefill = prefill; });
    }
    void onTokens(std::vector<TokenInfo> tokens) override {
        put([&](Content& content) { std::move(tokens.begin(), tokens.end(), std::back_inserter(content.tokens)); });
    }
    void onDone(const client::StreamDone& done) override {
        put([&](Content& content) { content.done = done; });
    }
    void onError(const Error& error) override {
        put([&](Content& content) { content.error = error; });
    }
    void onRefused(const Error& error, const client::Refusal& refusal) override {
        put([&](Content& content) {
            content.error = error;
            content.refusal = refusal;
        });
    }

    Content take() {
        const std::scoped_lock lock(mutex_);
        called_ = false;
        return std::exchange(content_, {});
    }
    void disown() {
        const std::scoped_lock lock(mutex_);
        owner_ = nullptr;
    }

  private:
    template <class Change>
    void put(Change change) {
        const std::scoped_lock lock(mutex_);
        change(content_);
        if (owner_ && !std::exchange(called_, true)) {
            QMetaObject::invokeMethod(owner_, &AnswerStream::wake, Qt::QueuedConnection);
        }
    }

    std::mutex mutex_;
    AnswerStream* owner_;
    Content content_;
    bool called_ = false; // the owner knows that there is something
};

AnswerStream::AnswerStream(QObject* parent) : QObject(parent) {
    timer_.setSingleShot(true);
    timer_.setTimerType(Qt::PreciseTimer);
    connect(&timer_, &QTimer::timeout, this, &AnswerStream::drain);
}

AnswerStream::~AnswerStream() {
    if (mailbox_) {
        mailbox_->disown();
    }
    if (call_) {
        call_->cancel();
    }
}

void AnswerStream::start(client::EngineClient& client, const client::GenerateRequest& request) {
    mailbox_ = std::make_shared<Mailbox>(this);
    call_ = client.generate(request, mailbox_);
}

void AnswerStream::cancel() {
    if (call_) {
        call_->cancel();
    }
}

void AnswerStream::wake() {
    const qint64 passed = since_drain_.isValid() ? since_drain_.elapsed() : kLeastGap;
    if (passed >= kLeastGap) {
        drain();
    } else if (!timer_.isActive()) {
        timer_.start(static_cast<int>(kLeastGap - passed));
    }
}

void AnswerStream::drain() {
    since_drain_.start();
    const Mailbox::Content content = mailbox_->take();
    if (content.start) {
        emit started(*content.start);
    }
    if (content.prefill) {
        emit prefilled(*content.prefill);
    }
    if (!content.tokens.empty()) {
        emit tokensArrived(content.tokens);
    }
    if (content.done || content.error) {
        refusal_ = content.refusal;
        emit ended(content.done, content.error);
    }
}

} // namespace fulgurite
