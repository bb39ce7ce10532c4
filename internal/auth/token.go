package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/template-worker/template-worker/internal/khronos"
)

const (
	issuer   = "template-worker"
	audience = "internal"
)

// Sign makes an internal token for user that expires after ttl.
// The token is a JWT signed with HS256: subject the user id, audience "internal".
func (k Key) Sign(user khronos.Snowflake, ttl time.Duration) (string, error) {
	if ttl <= 0 {
		return "", fmt.Errorf("sign token for user %s: lifetime %s is not positive", user, ttl)
	}
	id := make([]byte, 8)
	rand.Read(id)
	now := time.Now()
	claims := jwt.RegisteredClaims{
		Issuer:    issuer,
		Subject:   user.String(),
		Audience:  jwt.ClaimStrings{audience},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		ID:        hex.EncodeToString(id),
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(k.secret)
	if err != nil {
		return "", fmt.Errorf("sign token for user %s: %w", user, err)
	}
	return token, nil
}

// verify checks signature, algorithm, issuer, audience and expiry, and gives the caller.
func (k Key) verify(token string) (Caller, error) {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return k.secret, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Caller{}, denied(CodeExpiredToken, "the token has expired: make a new one with `template-worker token create`")
	case err != nil:
		return Caller{}, denied(CodeInvalidToken, "the token is not valid here")
	}
	user, err := khronos.ParseSnowflake(claims.Subject)
	if err != nil {
		return Caller{}, denied(CodeInvalidToken, "the token names no user")
	}
	return Caller{User: user, TokenID: claims.ID}, nil
}
