// SPDX-License-Identifier: Apache-2.0
// One reply that one or more generations write: hands their events to a formatter at the pace of the client.
#pragma once

#include "core/node/event_queue.h"
#include "core/node/http_types.h"
#include "core/node/metrics.h"
#include "core/node/model_service.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fulgurite::node {

// Turns the events of one reply into bytes. Called on the I/O thread, in order.
class ReplyFormatter {
  public:
    virtual ~ReplyFormatter() = default;
    // True: events are sent as they come. False: end() writes the whole body.
    virtual bool streams() const = 0;
    virtual void begin(std::string& /*out*/) {}
    virtual void prefill(std::size_t /*choice*/, const PrefillProgress&, std::string& /*out*/) {}
    virtual void promptToken(std::size_t /*choice*/, const TokenRecord&) {}
    virtual void token(std::size_t choice, const TokenRecord& record, const std::string& text,
                       std::string& out) = 0;
    // What was drained together ends here.
    virtual void flush(std::string& /*out*/) {}
    virtual void finish(std::size_t choice, const GenerationSummary& summary, const std::string& rest,
                        std::string& out) = 0;
    virtual void end(std::string& out) = 0;
    // The last event of a stream that failed.
    virtual void failed(const ApiError& error, std::string& out) = 0;
    // Memory of what is collected for the whole body.
    virtual std::size_t heldBytes() const { return 0; }
};

struct JobLimits {
    std::size_t queue_bytes = std::size_t{1} << 20;  // waiting for a client that does not read
    std::size_t reply_bytes = std::size_t{64} << 20; // of a reply that is not a stream
};

class GenerationJob final : public ReplySource, public std::enable_shared_from_this<GenerationJob> {
  public:
    // `record` may be null.
    GenerationJob(std::shared_ptr<ModelService> service, std::unique_ptr<ReplyFormatter> formatter,
                  Metrics& metrics, JobLimits limits, std::shared_ptr<RequestRecord> record);

    // Once. When one of them is refused the others are cancelled and the error is thrown.
    void submit(std::vector<GenerateRequest> requests);

    void start(std::function<void()> wake) override;
    Pull pull(std::string& out) override;
    ReplyHead head() const override { return head_; }
    std::string heartbeat() const override;
    void shutDown() override;
    void timeOut() override;
    void close() override;

  private:
    class Listener;

    void remember(GenerationId id);
    void post(GenerationEvent event);
    void cancelAll();
    bool apply(const GenerationEvent& event, std::string& out);
    Pull failWith(const ApiError& error, std::string& out);
    void observe(const GenerationSummary& summary);
    std::vector<std::size_t> chargesOf(std::vector<GenerateRequest>& requests) const;

    std::shared_ptr<ModelService> service_; // before what the formatter refers to
    Metrics& metrics_;
    JobLimits limits_;
    EventQueue queue_;
    std::shared_ptr<RequestRecord> record_;

    std::mutex ids_mutex_;
    std::vector<GenerationId> ids_;
    bool cancelled_ = false;

    // I/O thread only.
    std::unique_ptr<ReplyFormatter> formatter_;
    ReplyHead head_;
    std::size_t unfinished_ = 0;
    bool begun_ = false;
    bool ended_ = false;
    bool shutting_down_ = false;
    bool timed_out_ = false;
};

} // namespace fulgurite::node
