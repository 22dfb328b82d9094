// SPDX-License-Identifier: GPL-3.0-or-later
// The query: a field of two to five lines in which the titles of relevant documents are underlined with their
// letter's colour, how many documents are wanted, how many each head may name, and Search.
#pragma once

#include <QFrame>
#include <QSyntaxHighlighter>

class QComboBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;

namespace fulgurite {

class RetrieveSession;
class ThemeManager;

// Underlines each relevant document's title where the query names it.
class AspectHighlighter : public QSyntaxHighlighter {
    Q_OBJECT

  public:
    AspectHighlighter(ThemeManager& themes, const RetrieveSession& session, QTextDocument* document);

  protected:
    void highlightBlock(const QString& text) override;

  private:
    ThemeManager& themes_;
    const RetrieveSession& session_;
};

// The words of a title that a query is likely to repeat: without a part in brackets and a leading "the".
QString spokenTitle(const QString& title);

class QueryBox : public QFrame {
    Q_OBJECT

  public:
    QueryBox(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    QString text() const;
    void setText(const QString& text);
    int count() const;   // n
    int nearest() const; // c
    void setCounts(int count, int nearest);
    void setStatus(const QString& status, bool bad = false);
    void setObstacle(const QString& reason); // why it cannot search; empty: it can
    void focusField();
    QPlainTextEdit& field() { return *field_; }

  signals:
    void searchWanted();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void fitHeight();

    ThemeManager& themes_;
    QPlainTextEdit* field_;
    AspectHighlighter* aspects_;
    QComboBox* count_;
    QComboBox* nearest_;
    QPushButton* search_;
    QLabel* status_;
    QString obstacle_;
};

} // namespace fulgurite
