// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/capture_run.h"

#include <utility>

namespace fulgurite {

// Hears on the client's thread, tells on the window's.
class CaptureEvents : public client::CaptureListener {
  public:
    CaptureEvents(CaptureRun& run, std::shared_ptr<Courier> courier, quint64 generation)
        : run_(run), courier_(std::move(courier)), generation_(generation) {}

    void onProgress(std::size_t done, std::size_t total) override {
        tell([done, total](CaptureRun& run) { emit run.progressed(done, total); });
    }
    void onDone(const client::CaptureEntry& entry) override {
        tell([entry](CaptureRun& run) {
            run.end();
            emit run.finished(entry);
        });
    }
    void onError(const Error& error) override {
        tell([kind = error.kind(), text = QString::fromUtf8(error.what())](CaptureRun& run) {
            run.end();
            if (kind == ErrorKind::Cancelled) {
                emit run.cancelled();
            } else {
                emit run.failed(text);
            }
        });
    }

  private:
    // The courier delivers only while the run lives.
    void tell(std::function<void(CaptureRun&)> call) {
        courier_->post([this_run = &run_, generation = generation_, call = std::move(call)] {
            if (this_run->generation_ == generation) {
                call(*this_run);
            }
        });
    }

    CaptureRun& run_;
    std::shared_ptr<Courier> courier_;
    quint64 generation_;
};

CaptureRun::CaptureRun(QObject* parent) : QObject(parent), courier_(std::make_shared<Courier>(this)) {}

CaptureRun::~CaptureRun() {
    courier_->close();
    if (call_) {
        call_->cancel();
    }
}

void CaptureRun::plan(std::shared_ptr<client::EngineClient> client, const client::CaptureRequest& request) {
    cancel();
    client_ = std::move(client);
    request_ = request;
    taking_ = false;
    const quint64 mine = ++generation_;
    call_ = client_->inspection()->plan(
        request_, [courier = courier_, this, mine](client::Outcome<client::CaptureCost> cost) {
            courier->post([this, mine, cost = std::move(cost)] {
                if (mine != generation_) {
                    return;
                }
                call_.reset();
                if (cost.ok()) {
                    emit planned(cost.value());
                } else {
                    emit failed(QString::fromUtf8(cost.error().what()));
                }
            });
        });
}

void CaptureRun::start() {
    if (!client_ || running_) {
        return;
    }
    running_ = taking_ = true;
    clock_.start();
    call_ = client_->inspection()->take(request_, std::make_shared<CaptureEvents>(*this, courier_, ++generation_));
}

void CaptureRun::end() {
    running_ = false;
    call_.reset();
}

void CaptureRun::cancel() {
    ++generation_;
    if (call_) {
        call_->cancel();
    }
    const bool was_running = running_;
    end();
    if (was_running) {
        emit cancelled();
    }
}

} // namespace fulgurite
