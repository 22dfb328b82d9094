// SPDX-License-Identifier: GPL-3.0-or-later
// The panel of one head: its row of implied attention for the query token, and its map.
#pragma once

#include "ui/inspect/captured_texts.h"
#include "ui/inspect/inspect_view.h"

#include <memory>

class QButtonGroup;
class QLabel;
class QSplitter;

namespace fulgurite {

class AttentionTracks;
class HeadBadge;
class TokenMap;
struct TrackData;

class AttentionView : public InspectView {
    Q_OBJECT

  public:
    explicit AttentionView(const InspectServices& services);

    AttentionTracks& tracks() { return *tracks_; }
    TokenMap& map() { return *map_; }
    QLabel& provenance() { return *provenance_; }
    // Only the map, or the tracks with a strip of it.
    void setMapOnly(bool only);

  protected:
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void askRow();
    void showRow(std::shared_ptr<const TrackData> row);
    bool holds(capture::HeadRef head) const;
    void paintProvenance();

    CapturedTexts texts_;
    AttentionTracks* tracks_;
    TokenMap* map_;
    HeadBadge* badge_;
    QLabel* kind_;
    QLabel* provenance_;
    QButtonGroup* mode_;
    Question row_question_ = 0;
    std::optional<capture::HeadRef> head_;
    std::optional<std::size_t> query_;
};

} // namespace fulgurite
