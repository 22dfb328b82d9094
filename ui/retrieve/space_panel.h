// SPDX-License-Identifier: GPL-3.0-or-later
// Two maps of the collection side by side: the chosen head's space and the standard vector's, with the evidence for
// what the head separates, and what is brushed.
#pragma once

#include "core/client/retrieval_types.h"

#include <QWidget>

#include <memory>

class QLabel;
class QPushButton;

namespace fulgurite {

class RetrieveSession;
class SpaceMap;
class ThemeManager;

class SpacePanel : public QWidget {
    Q_OBJECT

  public:
    SpacePanel(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    SpaceMap& headMap() { return *head_map_; }
    SpaceMap& standardMap() { return *standard_map_; }
    void setStatistics(std::shared_ptr<const client::HeadStatistics> statistics);
    void setProjection(std::shared_ptr<const client::Projection> projection); // by its head to one of the maps
    void clear();

  private:
    void describe();

    RetrieveSession& session_;
    std::shared_ptr<const client::HeadStatistics> statistics_;
    QLabel* head_title_;
    QLabel* head_note_;
    QLabel* standard_note_;
    SpaceMap* head_map_;
    SpaceMap* standard_map_;
    QLabel* count_;
    QPushButton* filter_;
    QPushButton* clear_;
};

} // namespace fulgurite
