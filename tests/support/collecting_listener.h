// SPDX-License-Identifier: Apache-2.0
// Keeps everything that a generation says and lets the test wait for its end.
#pragma once

#include "core/generate/request.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::test {

class CollectingListener : public GenerationListener {
  public:
    void onPrefill(const PrefillProgress& progress) override {
        const std::lock_guard lock(mutex_);
        prefill.push_back(progress);
    }
    void onPromptToken(const TokenRecord& token) override {
        const std::lock_guard lock(mutex_);
        prompt.push_back(token);
    }
    void onToken(const TokenRecord& token, const std::string& part) override {
        {
            const std::lock_guard lock(mutex_);
            after_end += done_ ? 1 : 0;
            tokens.push_back(token);
            text += part;
        }
        changed_.notify_all();
        if (on_token) {
            on_token(token);
        }
    }
    void onFinish(const GenerationSummary& end, const std::string& last) override {
        const std::lock_guard lock(mutex_);
        after_end += done_ ? 1 : 0;
        summary = end;
        rest = last;
        done_ = true;
        changed_.notify_all();
    }
    void onError(const Error& what) override {
        const std::lock_guard lock(mutex_);
        after_end += done_ ? 1 : 0;
        error = what;
        done_ = true;
        changed_.notify_all();
    }

    // False after a time that only a hang takes.
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(120), [this] { return done_; });
    }
    bool waitForTokens(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(120), [&] { return done_ || tokens.size() >= count; });
    }

    TokenIds ids() const {
        TokenIds result;
        for (const TokenRecord& token : tokens) {
            result.push_back(token.id);
        }
        return result;
    }

    // Read after wait().
    std::vector<PrefillProgress> prefill;
    std::vector<TokenRecord> prompt;
    std::vector<TokenRecord> tokens;
    std::string text;
    std::string rest;
    GenerationSummary summary;
    std::optional<Error> error;
    int after_end = 0;
    std::function<void(const TokenRecord&)> on_token; // set before submitting

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
};

} // namespace fulgurite::test
