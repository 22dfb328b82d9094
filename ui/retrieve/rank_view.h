// SPDX-License-Identifier: GPL-3.0-or-later
// The rankings with their headers: over each column its mark and name, how many of the relevant documents it found
// and which, and on columns that vote by heads a chip that counts the heads that are off.
#pragma once

#include <QFrame>

class QPushButton;
class QScrollArea;
class QStackedWidget;

namespace fulgurite {

class RankColumns;
class RetrieveSession;
class ThemeManager;

class RankHeader : public QWidget {
    Q_OBJECT

  public:
    RankHeader(ThemeManager& themes, RetrieveSession& session, const RankColumns& columns,
               QWidget* parent = nullptr);
    void setOffset(int pixels); // the columns are scrolled by this much
    void refresh();

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    void placeChips();

    ThemeManager& themes_;
    RetrieveSession& session_;
    const RankColumns& columns_;
    QList<QPushButton*> chips_; // one for each column; hidden where there is nothing to say
    int offset_ = 0;
};

class RankView : public QFrame {
    Q_OBJECT

  public:
    RankView(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    RankColumns& columns() { return *columns_; }
    // Shown in the place of the columns; empty: the columns.
    void setMessage(const QString& message, const QString& action = {}, std::function<void()> run = {});
    QString message() const;

  private:
    ThemeManager& themes_;
    RankColumns* columns_;
    RankHeader* header_;
    QScrollArea* area_;
    QStackedWidget* stack_;
    class QLabel* message_;
    QPushButton* action_;
    std::function<void()> run_;
};

} // namespace fulgurite
