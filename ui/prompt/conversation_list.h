// SPDX-License-Identifier: GPL-3.0-or-later
// The left column: search, filters, and the conversations. It filters nothing itself: what is typed and chosen is
// emitted, and the rows that it is given are shown.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QTimer>
#include <QWidget>

#include <optional>

class QKeyEvent;
class QLabel;
class QLineEdit;
class QListView;
class QPushButton;
class QToolButton;

namespace fulgurite {

class ConversationDelegate;
class ConversationModel;
class FlowLayout;

struct ConversationFilter {
    QString search;
    bool starred = false;
    QString tag; // empty: any
    bool operator==(const ConversationFilter&) const = default;
};

class ConversationList : public QWidget {
    Q_OBJECT

  public:
    explicit ConversationList(ThemeManager& themes, QWidget* parent = nullptr);

    // Those that pass the filter, latest first. While a title is changed in its place they wait for its end.
    void setRows(const QList<ConversationRow>& rows);
    void setTotal(int conversations);                 // of the workspace, for the search field
    void setTags(const QStringList& tags);
    const ConversationFilter& filter() const { return filter_; }
    void clearFilter();
    void focusSearch();
    void beginRename(std::int64_t conversation);
    ConversationModel& model() { return *model_; }

  signals:
    void filterChanged(const fulgurite::ConversationFilter& filter);
    void openRequested(std::int64_t conversation);
    void branchOpenRequested(std::int64_t conversation, std::int64_t turn);
    void newRequested();
    void renamed(std::int64_t conversation, const QString& title);
    void removeRequested(std::int64_t conversation);
    void starToggled(std::int64_t conversation);
    void exportRequested(std::int64_t conversation);
    void duplicateRequested(std::int64_t conversation);
    void tagsRequested(std::int64_t conversation);
    void folderRequested(std::int64_t conversation, const QString& folder); // empty: out of its folder

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void buildChips();
    void applyFilter(ConversationFilter filter);
    void activate(const QModelIndex& index, bool toggle_folder);
    void showMenu(const QPoint& point);
    void refreshEmpty();
    bool key(int key);
    bool takesFromWindow(const QKeyEvent& event) const;
    void takeWaitingRows();

    ThemeManager& themes_;
    ConversationModel* model_;
    ConversationDelegate* delegate_ = nullptr;
    std::optional<QList<ConversationRow>> waiting_rows_; // until the title that is changed is kept or given up
    QLineEdit* search_;
    QWidget* chip_area_;
    FlowLayout* chips_;
    QListView* view_;
    QLabel* empty_;
    QPushButton* clear_;
    QTimer pause_;
    QStringList tags_;
    ConversationFilter filter_;
};

} // namespace fulgurite
