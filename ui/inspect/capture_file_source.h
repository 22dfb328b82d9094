// SPDX-License-Identifier: GPL-3.0-or-later
// A capture file, looked at without an engine. The file is mapped; what a view asks for is worked out on worker
// threads.
#pragma once

#include "core/probe/capture/capture_file.h"
#include "ui/base/courier.h"
#include "ui/inspect/inspection_source.h"

#include <stop_token>

namespace fulgurite {

class CaptureFileSource : public InspectionSource {
    Q_OBJECT

  public:
    using Opened = std::function<void(client::Outcome<std::shared_ptr<const capture::CaptureFile>>)>;
    // Opens and checks the file on a worker and tells on the window's thread, unless `receiver` is gone by then.
    static void open(const QString& path, QObject* receiver, Opened then);

    CaptureFileSource(std::shared_ptr<const capture::CaptureFile> file, const QString& path,
                      QObject* parent = nullptr);
    ~CaptureFileSource() override;

    const QString& path() const { return path_; }
    const capture::CaptureInfo& info() const override { return file_->info(); }
    QString name() const override;

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
    template <class T, class Work>
    void ask(Work work, Answer<T> answer);

    std::shared_ptr<const capture::CaptureFile> file_;
    QString path_;
    std::shared_ptr<Courier> courier_;
    std::stop_source stop_;
};

} // namespace fulgurite
