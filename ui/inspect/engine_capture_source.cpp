// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/engine_capture_source.h"

namespace fulgurite {

EngineCaptureSource::EngineCaptureSource(std::shared_ptr<client::EngineClient> client, client::CaptureEntry entry,
                                         const QString& title, QObject* parent)
    : InspectionSource(parent),
      client_(std::move(client)),
      entry_(std::move(entry)),
      title_(title),
      courier_(std::make_shared<Courier>(this)) {}

EngineCaptureSource::~EngineCaptureSource() {
    courier_->close();
}

void EngineCaptureSource::tokens(std::size_t first, std::size_t count,
                                 Answer<std::vector<capture::CapturedToken>> answer) {
    inspection().tokens(entry_.id, first, count, carry(std::move(answer)));
}

void EngineCaptureSource::row(capture::HeadRef head, std::size_t position, Answer<capture::AttentionRow> answer) {
    inspection().row(entry_.id, head, position, carry(std::move(answer)));
}

void EngineCaptureSource::tile(capture::HeadRef head, const capture::TileRequest& request,
                               Answer<capture::AttentionTile> answer) {
    inspection().tile(entry_.id, head, request, carry(std::move(answer)));
}

void EngineCaptureSource::thumbnails(int layer, std::size_t side,
                                     Answer<std::vector<capture::AttentionTile>> answer) {
    inspection().thumbnails(entry_.id, layer, side, carry(std::move(answer)));
}

void EngineCaptureSource::heads(std::size_t position, Answer<capture::HeadTable> answer) {
    inspection().heads(entry_.id, position, carry(std::move(answer)));
}

void EngineCaptureSource::routing(std::size_t first, std::size_t count, Answer<capture::RoutingSlice> answer) {
    inspection().routing(entry_.id, first, count, carry(std::move(answer)));
}

void EngineCaptureSource::routingSummary(Answer<capture::RoutingSummary> answer) {
    inspection().routingSummary(entry_.id, carry(std::move(answer)));
}

void EngineCaptureSource::lens(std::size_t position, Answer<capture::LensView> answer) {
    inspection().lens(entry_.id, position, carry(std::move(answer)));
}

void EngineCaptureSource::saveAs(const QString& path, Answer<QString> answer) {
    inspection().download(
        entry_.id, path.toStdString(),
        carry<std::uint64_t>([path, answer = std::move(answer)](const client::Outcome<std::uint64_t>& bytes) {
            answer(bytes.ok() ? client::Outcome<QString>(path) : client::Outcome<QString>(bytes.error()));
        }));
}

} // namespace fulgurite
