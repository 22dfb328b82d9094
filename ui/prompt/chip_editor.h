// SPDX-License-Identifier: GPL-3.0-or-later
// Short values as chips: click one to take it away, "+ add" to write another.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QWidget>

class QDoubleSpinBox;
class QLineEdit;
class QPushButton;

namespace fulgurite {

class FlowLayout;

// Stop strings. Line breaks and tabs are written \n and \t.
class StopStringEditor : public QWidget {
    Q_OBJECT

  public:
    explicit StopStringEditor(QWidget* parent = nullptr);
    void setStrings(const QStringList& strings);
    const QStringList& strings() const { return strings_; }
    static QString escaped(const QString& text);
    static QString unescaped(const QString& text);

  signals:
    void changed();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void rebuild();
    void finish();

    FlowLayout* flow_;
    QLineEdit* field_;
    QPushButton* add_;
    QList<QPushButton*> chips_;
    QStringList strings_;
};

// Logit biases. A token is given by its id or its text; texts are looked up by whoever answers lookupRequested().
class LogitBiasEditor : public QWidget {
    Q_OBJECT

  public:
    explicit LogitBiasEditor(QWidget* parent = nullptr);
    void setBiases(const QList<LogitBias>& biases);
    // Whose ids are written from now on; biases of others are marked, for they are not sent to it.
    void setModel(const QString& model);
    const QList<LogitBias>& biases() const { return biases_; }
    // The answer to lookupRequested(): adds or replaces.
    void addBias(const LogitBias& bias);
    void setMessage(const QString& message); // why a text is not one token

  signals:
    void changed();
    void lookupRequested(const QString& text, double bias);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void rebuild();
    void finish();
    void openFields(bool open);

    FlowLayout* flow_;
    QLineEdit* token_;
    QDoubleSpinBox* bias_;
    QPushButton* add_;
    QList<QPushButton*> chips_;
    QList<LogitBias> biases_;
    QString model_;
};

} // namespace fulgurite
