// SPDX-License-Identifier: GPL-3.0-or-later
// The field in which a message of the transcript is changed in its place.
#pragma once

#include <QFrame>

class QPlainTextEdit;

namespace fulgurite {

class TurnEditor : public QFrame {
    Q_OBJECT

  public:
    // `answer`: the text of the model is changed, which is kept; a person's message is sent again.
    TurnEditor(const QString& text, bool answer, QWidget* parent);
    QString text() const;
    int wantedHeight(int width) const;
    void selectAllText();

  signals:
    void committed();
    void cancelled();
    void heightChanged();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    QPlainTextEdit* field_;
};

} // namespace fulgurite
