// SPDX-License-Identifier: GPL-3.0-or-later
// The text that one expert handled: a list of its tokens with what stands around them.
#pragma once

#include "core/base/error.h"
#include "core/probe/capture/views.h"
#include "ui/inspect/routing_image.h"

#include <QAbstractListModel>
#include <QWidget>

#include <optional>
#include <vector>

class QLabel;
class QListView;
class QButtonGroup;

namespace fulgurite {

class InspectionSource;
class ThemeManager;
class CapturedTexts;

struct ExpertHit {
    std::size_t token = 0;
    int layer = 0;    // where its weight is greatest
    int layers = 0;   // how many of the layers that were asked for chose it
    float weight = 0; // the greatest
};
// The tokens of a slice that an expert handled in a layer, or in any.
std::vector<ExpertHit> expertHits(const capture::RoutingSlice& slice, int expert, std::optional<int> layer);

class ExpertHitModel : public QAbstractListModel {
    Q_OBJECT

  public:
    enum DataRole { BeforeRole = Qt::UserRole, TokenRole, AfterRole, FiguresRole };

    ExpertHitModel(CapturedTexts& texts, QObject* parent);
    void setHits(std::vector<ExpertHit> hits);
    const std::vector<ExpertHit>& hits() const { return hits_; }
    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

  private:
    CapturedTexts& texts_;
    std::vector<ExpertHit> hits_;
};

class ExpertReader : public QWidget {
    Q_OBJECT

  public:
    ExpertReader(ThemeManager& themes, CapturedTexts& texts, QWidget* parent = nullptr);

    void setSource(InspectionSource* source);
    // Reads the whole capture from its end; what is found shows as it comes. Unset: empties the list.
    void setExpert(std::optional<int> expert, std::optional<int> layer);
    bool reading() const { return next_.has_value(); }
    const std::vector<ExpertHit>& hits() const { return model_->hits(); }
    QListView& list() { return *list_; }

  signals:
    void tokenChosen(std::size_t token);
    void closed();

  private:
    static constexpr std::size_t kStretch = 4096; // tokens read at once
    static constexpr std::size_t kMostHits = 1000;

    void readOn();
    void take(std::vector<ExpertHit> hits);
    void showHits();
    QString hitsAsText() const;

    ThemeManager& themes_;
    CapturedTexts& texts_;
    InspectionSource* source_ = nullptr;
    quint64 question_ = 0;
    std::optional<int> expert_;
    std::optional<int> layer_;
    std::optional<std::size_t> next_; // end of the stretch to be read next
    std::size_t found_ = 0;
    std::vector<ExpertHit> all_; // the strongest, unsorted
    QLabel* title_;
    QButtonGroup* order_;
    QListView* list_;
    ExpertHitModel* model_;
};

} // namespace fulgurite
