// SPDX-License-Identifier: GPL-3.0-or-later
// A capture that lies with an engine, looked at over the protocol: the same views, computed where the file is.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/inspection_client.h"
#include "ui/base/courier.h"
#include "ui/inspect/inspection_source.h"

namespace fulgurite {

class EngineCaptureSource : public InspectionSource {
    Q_OBJECT

  public:
    // `title` is shown as its name. The client must be able to inspect.
    EngineCaptureSource(std::shared_ptr<client::EngineClient> client, client::CaptureEntry entry,
                        const QString& title, QObject* parent = nullptr);
    ~EngineCaptureSource() override;

    QString id() const { return QString::fromStdString(entry_.id); }
    const capture::CaptureInfo& info() const override { return entry_.info; }
    QString name() const override { return title_; }

    void tokens(std::size_t first, std::size_t count, Answer<std::vector<capture::CapturedToken>> answer) override;
    void row(capture::HeadRef head, std::size_t position, Answer<capture::AttentionRow> answer) override;
    void tile(capture::HeadRef head, const capture::TileRequest& request,
              Answer<capture::AttentionTile> answer) override;
    void thumbnails(int layer, std::size_t side, Answer<std::vector<capture::AttentionTile>> answer) override;
    void heads(std::size_t position, Answer<capture::HeadTable> answer) override;
    void routing(std::size_t first, std::size_t count, Answer<capture::RoutingSlice> answer) override;
    void routingSummary(Answer<capture::RoutingSummary> answer) override;
    void lens(std::size_t position, Answer<capture::LensView> answer) override;
    void saveAs(const QString& path, Answer<QString> answer) override;

  private:
    // From the client's thread to the window's.
    template <class T>
    client::Reply<T> carry(Answer<T> answer) const {
        return [courier = courier_, answer = std::move(answer)](client::Outcome<T> outcome) {
            auto kept = std::make_shared<client::Outcome<T>>(std::move(outcome));
            courier->post([answer, kept] { answer(std::move(*kept)); });
        };
    }
    client::InspectionClient& inspection() const { return *client_->inspection(); }

    std::shared_ptr<client::EngineClient> client_;
    client::CaptureEntry entry_;
    QString title_;
    std::shared_ptr<Courier> courier_;
};

} // namespace fulgurite
